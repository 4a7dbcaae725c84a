# Invalid configurations are refused with a message, before anything is created.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment        = "test"
  account_id         = "111122223333"
  region             = "us-east-1"
  zones              = ["us-east-1a", "us-east-1b", "us-east-1c"]
  administrator_arns = ["arn:aws:iam::111122223333:role/Administrator"]
  api_allowed_cidrs  = ["203.0.113.7/32"]
  node_image_release = "1.35.0-20260114"
}

run "an_api_open_to_the_internet" {
  command = plan
  variables {
    api_allowed_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.api_allowed_cidrs]
}

run "an_api_open_to_half_of_the_internet" {
  command = plan
  variables {
    api_allowed_cidrs = ["203.0.113.7/32", "128.0.0.0/1"]
  }
  expect_failures = [var.api_allowed_cidrs]
}

run "a_cluster_without_an_administrator" {
  command = plan
  variables {
    administrator_arns = []
  }
  expect_failures = [var.administrator_arns]
}

run "too_few_nodes" {
  command = plan
  variables {
    node_count = 2
  }
  expect_failures = [var.node_count]
}

run "an_account_that_is_none" {
  command = plan
  variables {
    account_id = "my-account"
  }
  expect_failures = [var.account_id]
}

run "a_repository_with_a_wildcard" {
  command = plan
  variables {
    github_repository = "acme/*"
  }
  expect_failures = [var.github_repository]
}

run "an_unknown_kind_of_kafka" {
  command = plan
  variables {
    kafka = { kind = "rabbit" }
  }
  expect_failures = [var.kafka]
}

run "an_external_kafka_without_brokers" {
  command = plan
  variables {
    kafka = { kind = "external" }
  }
  expect_failures = [var.kafka]
}

run "an_external_kafka_without_addresses" {
  command = plan
  variables {
    kafka = { kind = "external", bootstrap_servers = "broker:9092" }
  }
  expect_failures = [var.kafka]
}

run "a_kafka_anywhere" {
  command = plan
  variables {
    kafka = { kind = "external", bootstrap_servers = "broker:9092", cidrs = ["0.0.0.0/0"] }
  }
  expect_failures = [var.kafka]
}

run "nodes_that_change_by_themselves" {
  command = plan
  variables {
    node_image_release = null
  }
  expect_failures = [var.node_image_release]
}

run "a_node_image_that_is_no_release" {
  command = plan
  variables {
    node_image_release = "latest"
  }
  expect_failures = [var.node_image_release]
}

run "a_kafka_in_the_clear" {
  command = plan
  variables {
    kafka = { kind = "external", bootstrap_servers = "broker:9092", cidrs = ["198.51.100.0/24"], security_protocol = "SASL_PLAINTEXT" }
  }
  expect_failures = [var.kafka]
}

run "an_environment_with_a_name_too_long" {
  command = plan
  variables {
    environment = "preproduction-europe"
  }
  expect_failures = [var.environment]
}

run "zones_of_another_region" {
  command = plan
  variables {
    zones = ["us-east-1a", "us-east-1b", "eu-central-1a"]
  }
  expect_failures = [var.zones]
}

run "too_few_zones" {
  command = plan
  variables {
    zones = ["us-east-1a", "us-east-1b"]
  }
  expect_failures = [var.zones]
}

run "a_public_range_among_the_private" {
  command = plan
  variables {
    api_private_cidrs = ["203.0.113.0/24"]
  }
  expect_failures = [var.api_private_cidrs]
}

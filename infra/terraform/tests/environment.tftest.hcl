# The whole environment, against mocked AWS: what must hold whatever the environment chooses.

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

run "the_defaults_stand" {
  assert {
    condition     = length(module.network.private_subnet_ids) == 3 && length(module.network.isolated_subnet_ids) == 3
    error_message = "three zones are expected, each with a private and an isolated subnet"
  }

  assert {
    condition     = length(module.network.nat_addresses) == 3
    error_message = "by default each zone has its own way out"
  }

  assert {
    condition     = toset(keys(output.repository_urls)) == toset(["flows", "serving", "producer"])
    error_message = "each target of the Dockerfile has its repository"
  }

  assert {
    condition     = output.deploy_role_arn == null
    error_message = "without a repository nobody deploys from outside"
  }
}

run "database_and_kafka_are_off_unless_wanted" {
  assert {
    condition     = length(module.database) == 0 && output.database == null
    error_message = "no database was asked for"
  }

  assert {
    condition     = length(module.kafka) == 0
    error_message = "no Kafka was asked for"
  }

  assert {
    condition     = yamldecode(output.helm_values).postgres.internal && yamldecode(output.helm_values).kafka.internal
    error_message = "the chart must then bring its own"
  }
}

run "helm_values_tell_the_chart_where_everything_is" {
  variables {
    database = {}
    kafka    = { kind = "msk-serverless" }
  }

  assert {
    condition     = yamldecode(output.helm_values).lake.url == "s3://fraud-test-111122223333/lake"
    error_message = "the lake is below lake/ of the bucket"
  }

  assert {
    condition     = yamldecode(output.helm_values).mlflow.artifactRoot == "s3://fraud-test-111122223333/mlflow"
    error_message = "the models are below mlflow/ of the bucket"
  }

  assert {
    condition     = !yamldecode(output.helm_values).postgres.internal && yamldecode(output.helm_values).postgres.caConfigMap == "fraud-postgres-ca"
    error_message = "RDS replaces the chart's Postgres, and its certificate is verified"
  }

  assert {
    condition     = yamldecode(output.helm_values).kafka.bootstrapServers == "boot-test.c1.kafka-serverless.us-east-1.amazonaws.com:9098" && yamldecode(output.helm_values).kafka.saslMechanism == "AWS_MSK_IAM"
    error_message = "MSK is reached with IAM"
  }

  assert {
    condition     = yamldecode(output.helm_values).scheduling.serving.tolerations[0].value == "serving" && yamldecode(output.helm_values).scheduling.flows.tolerations[0].value == "flows"
    error_message = "serving and flows go to their own nodes"
  }

  assert {
    condition     = yamldecode(output.helm_values).networkPolicies.egress.kafka == yamldecode(output.helm_values).networkPolicies.egress.postgres && yamldecode(output.helm_values).networkPolicies.egress.kafka == ["10.40.220.0/24", "10.40.221.0/24", "10.40.222.0/24"]
    error_message = "pods reach brokers and database in the isolated subnets, and nothing else there"
  }

  assert {
    condition     = yamldecode(output.helm_values).networkPolicies.egress.s3 == ["52.216.0.0/15"] && !strcontains(output.helm_values, "0.0.0.0/0")
    error_message = "S3 is reached at its own addresses, and no destination is the internet"
  }

  assert {
    condition     = !strcontains(lower(output.helm_values), "password")
    error_message = "no secret belongs into the values"
  }
}

run "an_external_kafka_is_passed_on" {
  variables {
    kafka = { kind = "external", bootstrap_servers = "broker.example:9092", cidrs = ["198.51.100.0/24"] }
  }

  assert {
    condition     = length(module.kafka) == 0 && yamldecode(output.helm_values).kafka.bootstrapServers == "broker.example:9092"
    error_message = "the given brokers are used and none is made"
  }

  assert {
    condition     = yamldecode(output.helm_values).kafka.securityProtocol == "SASL_SSL" && yamldecode(output.helm_values).networkPolicies.egress.kafka == ["198.51.100.0/24"]
    error_message = "over TLS, and at its own addresses only"
  }
}

run "one_nat_for_all_is_possible" {
  variables {
    nat_per_zone = false
  }

  assert {
    condition     = length(module.network.nat_addresses) == 1
    error_message = "one NAT gateway was asked for"
  }
}

# The network: nodes without public addresses, databases without a way out.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name               = "fraud-test"
  cidr               = "10.40.0.0/16"
  zones              = ["us-east-1a", "us-east-1b", "us-east-1c"]
  nat_per_zone       = true
  log_retention_days = 30
  logs_key_arn       = "arn:aws:kms:us-east-1:111122223333:key/logs"
}

run "subnets" {
  module {
    source = "./modules/network"
  }

  assert {
    condition     = [for s in aws_subnet.isolated : s.availability_zone] == ["us-east-1a", "us-east-1b", "us-east-1c"]
    error_message = "a subnet of each kind in each zone"
  }

  assert {
    condition     = [for s in aws_subnet.private : s.cidr_block] == ["10.40.0.0/19", "10.40.32.0/19", "10.40.64.0/19"]
    error_message = "pods take their addresses from the private subnets, so those are large"
  }

  assert {
    condition     = alltrue([for s in concat(values(aws_subnet.public), values(aws_subnet.private), values(aws_subnet.isolated)) : s.map_public_ip_on_launch != true])
    error_message = "nothing gets a public address by being launched"
  }

  assert {
    condition     = length(aws_route.private) == 3 && length(distinct([for r in aws_route.private : r.nat_gateway_id])) == 3
    error_message = "each zone goes out by its own NAT"
  }

  assert {
    condition     = try(length(aws_default_security_group.this.ingress), 0) == 0 && try(length(aws_default_security_group.this.egress), 0) == 0
    error_message = "the default group lets nothing through"
  }
}

run "endpoints" {
  module {
    source = "./modules/network"
  }

  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && length(aws_vpc_endpoint.s3.route_table_ids) == 3
    error_message = "S3 is reached without NAT from every zone"
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["ecr.api", "ecr.dkr", "sts"])
    error_message = "ECR and STS are reached by private link"
  }

  assert {
    condition     = toset([for r in aws_vpc_security_group_ingress_rule.endpoints : r.cidr_ipv4]) == toset([for s in aws_subnet.private : s.cidr_block])
    error_message = "only the private subnets use the endpoints"
  }
}

run "flow_logs" {
  module {
    source = "./modules/network"
  }

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flows.kms_key_id == var.logs_key_arn
    error_message = "traffic is logged, encrypted"
  }
}

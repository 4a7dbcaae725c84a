# What AWS would compute and the tests look at.

mock_data "aws_caller_identity" {
  defaults = { account_id = "111122223333" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
}

mock_data "aws_region" {
  defaults = { region = "us-east-1" }
}

mock_resource "aws_eks_cluster" {
  defaults = {
    arn      = "arn:aws:eks:us-east-1:111122223333:cluster/fraud-test"
    endpoint = "https://example.gr7.us-east-1.eks.amazonaws.com"
    vpc_config = {
      cluster_security_group_id = "sg-nodes"
    }
  }
}

mock_resource "aws_kms_key" {
  defaults = { arn = "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000" }
}

mock_resource "aws_s3_bucket" {
  defaults = { arn = "arn:aws:s3:::fraud-test-111122223333" }
}

mock_resource "aws_ecr_repository" {
  defaults = {
    arn            = "arn:aws:ecr:us-east-1:111122223333:repository/fraud-test/image"
    repository_url = "111122223333.dkr.ecr.us-east-1.amazonaws.com/fraud-test/image"
  }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::111122223333:role/mocked" }
}

mock_resource "aws_iam_instance_profile" {
  defaults = { arn = "arn:aws:iam::111122223333:instance-profile/mocked" }
}

mock_resource "aws_iam_openid_connect_provider" {
  defaults = { arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
}

mock_resource "aws_sqs_queue" {
  defaults = { arn = "arn:aws:sqs:us-east-1:111122223333:fraud-test-interruptions" }
}

mock_resource "aws_cloudwatch_event_rule" {
  defaults = { arn = "arn:aws:events:us-east-1:111122223333:rule/mocked" }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:us-east-1:111122223333:log-group:mocked" }
}

mock_resource "aws_efs_file_system" {
  defaults = { arn = "arn:aws:elasticfilesystem:us-east-1:111122223333:file-system/fs-1", id = "fs-1" }
}

mock_resource "aws_launch_template" {
  defaults = { id = "lt-1", latest_version = 1 }
}

mock_resource "aws_db_instance" {
  defaults = {
    address            = "fraud-test.example.us-east-1.rds.amazonaws.com"
    port               = 5432
    master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds", kms_key_id = "key", secret_status = "active" }]
  }
}

mock_resource "aws_msk_serverless_cluster" {
  defaults = {
    arn                        = "arn:aws:kafka:us-east-1:111122223333:cluster/fraud-test/11111111-2222-3333-4444-555555555555-s1"
    bootstrap_brokers_sasl_iam = "boot-test.c1.kafka-serverless.us-east-1.amazonaws.com:9098"
  }
}

mock_resource "aws_vpc_endpoint" {
  defaults = { cidr_blocks = ["52.216.0.0/15"] }
}

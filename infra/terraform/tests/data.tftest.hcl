# Where the data is: private, encrypted, kept.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "the_bucket_is_private" {
  module {
    source = "./modules/bucket"
  }

  variables {
    name            = "lake"
    key_arn         = "arn:aws:kms:us-east-1:111122223333:key/storage"
    tiered_prefixes = { "lake/" = 30 }
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "nothing in the bucket can become public"
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Effect == "Deny" && s.Condition.Bool["aws:SecureTransport"] == "false"])
    error_message = "plain HTTP is refused, and the policy grants nothing to anyone"
  }

  assert {
    condition     = aws_s3_bucket_logging.this.target_bucket == aws_s3_bucket.logs.id && aws_s3_bucket.logs.bucket == "lake-access-logs"
    error_message = "who reads the bucket is logged, in another bucket"
  }

  assert {
    condition = [for s in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : s.Condition if s.Effect == "Allow"] == [{
      ArnLike      = { "aws:SourceArn" = aws_s3_bucket.this.arn }
      StringEquals = { "aws:SourceAccount" = "111122223333" }
    }]
    error_message = "only S3 writes access logs, and only this bucket's"
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.logs.restrict_public_buckets && aws_s3_bucket_public_access_block.logs.block_public_policy && one(aws_s3_bucket_lifecycle_configuration.logs.rule).expiration[0].days == 365
    error_message = "access logs are private and kept for a year"
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "a mistake can be undone"
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "objects are encrypted with the customer's key"
  }

  assert {
    condition     = one([for r in aws_s3_bucket_lifecycle_configuration.this.rule : r.filter[0].prefix if r.id == "tier lake/"]) == "lake/"
    error_message = "old data moves to cheaper tiers"
  }
}

run "images_and_files" {
  module {
    source = "./modules/storage"
  }

  variables {
    name                   = "fraud-test"
    bucket_name            = "fraud-test-111122223333"
    vpc_id                 = "vpc-1"
    subnet_ids             = ["subnet-a", "subnet-b", "subnet-c"]
    node_security_group_id = "sg-nodes"
    images                 = ["flows", "serving"]
    keep_old_versions_days = 30
    disposable             = false
  }

  assert {
    condition     = alltrue([for r in aws_ecr_repository.this : r.image_tag_mutability == "IMMUTABLE" && r.image_scanning_configuration[0].scan_on_push && !r.force_delete])
    error_message = "tags cannot be moved, images are scanned, and a destroy takes none"
  }

  assert {
    condition     = aws_efs_file_system.this.encrypted && length(aws_efs_mount_target.this) == 3
    error_message = "files are encrypted and at hand in each zone"
  }

  assert {
    condition     = anytrue([for s in jsondecode(aws_efs_file_system_policy.this.policy).Statement : s.Effect == "Deny" && try(s.Condition.Bool["aws:SecureTransport"], "") == "false"])
    error_message = "files are mounted over TLS only"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.efs.referenced_security_group_id == "sg-nodes"
    error_message = "only nodes may mount"
  }
}

run "the_database_is_private" {
  module {
    source = "./modules/database"
  }

  variables {
    name                   = "fraud-test"
    vpc_id                 = "vpc-1"
    subnet_ids             = ["subnet-a", "subnet-b"]
    node_security_group_id = "sg-nodes"
    engine_version         = "17"
    instance_class         = "db.t4g.medium"
    storage_gib            = 20
    multi_az               = true
    backup_days            = 14
    log_retention_days     = 30
    disposable             = false
  }

  assert {
    condition     = !aws_db_instance.this.publicly_accessible && aws_vpc_security_group_ingress_rule.this.referenced_security_group_id == "sg-nodes"
    error_message = "only nodes may connect"
  }

  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.this.manage_master_user_password
    error_message = "data is encrypted, and RDS keeps the password"
  }

  assert {
    condition     = one([for p in aws_db_parameter_group.this.parameter : p.value if p.name == "rds.force_ssl"]) == "1" && aws_db_parameter_group.this.family == "postgres17"
    error_message = "connections without TLS are refused"
  }

  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.backup_retention_period == 14
    error_message = "what is kept stays kept"
  }

  assert {
    condition     = toset(keys(aws_secretsmanager_secret.application)) == toset(["mlflow", "prefect"])
    error_message = "each application has a user of its own"
  }
}

run "a_disposable_database_can_be_destroyed" {
  module {
    source = "./modules/database"
  }

  variables {
    name                   = "fraud-test"
    vpc_id                 = "vpc-1"
    subnet_ids             = ["subnet-a", "subnet-b"]
    node_security_group_id = "sg-nodes"
    engine_version         = "17.6"
    instance_class         = "db.t4g.medium"
    storage_gib            = 20
    multi_az               = false
    backup_days            = 1
    log_retention_days     = 30
    disposable             = true
  }

  assert {
    condition     = !aws_db_instance.this.deletion_protection && aws_db_instance.this.skip_final_snapshot && !aws_db_instance.this.multi_az
    error_message = "nothing holds a disposable database back"
  }
}

run "kafka_is_private" {
  module {
    source = "./modules/kafka"
  }

  variables {
    name                   = "fraud-test"
    vpc_id                 = "vpc-1"
    subnet_ids             = ["subnet-a", "subnet-b"]
    node_security_group_id = "sg-nodes"
  }

  assert {
    condition     = aws_msk_serverless_cluster.this.client_authentication[0].sasl[0].iam[0].enabled
    error_message = "clients sign in with IAM"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.this.referenced_security_group_id == "sg-nodes" && aws_vpc_security_group_ingress_rule.this.from_port == 9098
    error_message = "only nodes may connect, on the IAM port"
  }
}

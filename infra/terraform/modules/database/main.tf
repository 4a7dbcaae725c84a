# Postgres for Prefect and MLflow: encrypted, TLS only, reachable only from the nodes, with a managed password.

data "aws_partition" "current" {}

locals {
  family = "postgres${split(".", var.engine_version)[0]}"
}

module "key" {
  source = "../key"

  name          = "${var.name}-database"
  description   = "Database, its backups, logs and password of ${var.name}"
  encrypts_logs = true
}

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = "${var.name}-database"
  description = "Postgres from the nodes"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  security_group_id            = aws_security_group.this.id
  description                  = "Postgres from the nodes"
  referenced_security_group_id = var.node_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name}-"
  family      = local.family

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000" # ms: slow statements, and their text only
  }

  parameter {
    name  = "log_statement"
    value = "ddl"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_iam_role" "monitoring" {
  name = "${var.name}-database-monitoring"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:Retention is a variable: production keeps a year, a development database need not.
  for_each = toset(["postgresql", "upgrade"])

  name              = "/aws/rds/instance/${var.name}/${each.key}" # RDS writes to this name
  retention_in_days = var.log_retention_days
  kms_key_id        = module.key.arn
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_157:Two zones are a variable: production sets it, development does not pay for it.
  #checkov:skip=CKV_AWS_293:Deletion protection is a variable: production sets it, a development environment is made to be destroyed.
  identifier         = var.name
  engine             = "postgres"
  engine_version     = var.engine_version
  instance_class     = var.instance_class
  ca_cert_identifier = "rds-ca-rsa2048-g1"

  username                            = "fraud_admin"
  manage_master_user_password         = true # in Secrets Manager, rotated; never in the state
  master_user_secret_kms_key_id       = module.key.arn
  iam_database_authentication_enabled = true

  storage_type          = "gp3"
  allocated_storage     = var.storage_gib
  max_allocated_storage = var.storage_gib * 4
  storage_encrypted     = true
  kms_key_id            = module.key.arn

  multi_az               = var.multi_az
  publicly_accessible    = false
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this.id]
  parameter_group_name   = aws_db_parameter_group.this.name

  backup_retention_period    = var.backup_days
  copy_tags_to_snapshot      = true
  delete_automated_backups   = var.disposable
  deletion_protection        = !var.disposable
  skip_final_snapshot        = var.disposable
  final_snapshot_identifier  = var.disposable ? null : "${var.name}-final"
  auto_minor_version_upgrade = true
  apply_immediately          = false

  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring.arn
  performance_insights_enabled    = true
  performance_insights_kms_key_id = module.key.arn

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy_attachment.monitoring]
}

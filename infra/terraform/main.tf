# One environment: network, cluster, storage, identities; a database and Kafka if wanted.

locals {
  name = "${var.project}-${var.environment}"
  # The account makes the name unique in all of AWS, as bucket names must be.
  bucket_name = "${local.name}-${var.account_id}"
  msk         = var.kafka.kind == "msk-serverless"
}

module "logs_key" {
  source = "./modules/key"

  name          = "${local.name}-logs"
  description   = "Network logs of ${local.name}"
  encrypts_logs = true
}

module "network" {
  source = "./modules/network"

  name                = local.name
  cidr                = var.vpc_cidr
  zones               = var.zones
  nat_per_zone        = var.nat_per_zone
  interface_endpoints = var.interface_endpoints
  flow_log_traffic    = var.flow_log_traffic
  log_retention_days  = var.log_retention_days
  logs_key_arn        = module.logs_key.arn
}

module "cluster" {
  source = "./modules/cluster"

  name                = local.name
  namespace           = var.namespace
  kubernetes_version  = var.kubernetes_version
  vpc_id              = module.network.vpc_id
  subnet_ids          = module.network.private_subnet_ids
  api_allowed_cidrs   = var.api_allowed_cidrs
  api_private_cidrs   = var.api_private_cidrs
  administrator_arns  = var.administrator_arns
  viewer_arns         = var.viewer_arns
  deletion_protection = !var.disposable
  log_retention_days  = var.log_retention_days
  node_instance_types = var.node_instance_types
  node_count          = var.node_count
  node_disk_gib       = var.node_disk_gib
  addon_versions      = var.addon_versions
  node_image_release  = var.node_image_release
  flows_cpu_limit     = var.flows_cpu_limit
  serving_cpu_limit   = var.serving_cpu_limit
  file_system_id      = module.storage.file_system_id
}

module "storage" {
  source = "./modules/storage"

  name                   = local.name
  bucket_name            = local.bucket_name
  vpc_id                 = module.network.vpc_id
  subnet_ids             = module.network.private_subnet_ids
  node_security_group_id = module.cluster.node_security_group_id
  images                 = var.images
  keep_old_versions_days = var.keep_old_versions_days
  disposable             = var.disposable
}

module "database" {
  source = "./modules/database"
  count  = var.database == null ? 0 : 1

  name                   = local.name
  vpc_id                 = module.network.vpc_id
  subnet_ids             = module.network.isolated_subnet_ids
  node_security_group_id = module.cluster.node_security_group_id
  engine_version         = var.database.engine_version
  instance_class         = var.database.instance_class
  storage_gib            = var.database.storage_gib
  multi_az               = var.database.multi_az
  backup_days            = var.database.backup_days
  log_retention_days     = var.log_retention_days
  disposable             = var.disposable
}

module "kafka" {
  source = "./modules/kafka"
  count  = local.msk ? 1 : 0

  name                   = local.name
  vpc_id                 = module.network.vpc_id
  subnet_ids             = module.network.isolated_subnet_ids
  node_security_group_id = module.cluster.node_security_group_id
}

module "identity" {
  source = "./modules/identity"

  name                     = local.name
  cluster_name             = module.cluster.name
  cluster_arn              = module.cluster.arn
  namespace                = var.namespace
  deployers_group          = module.cluster.deployers_group
  bucket_arn               = module.storage.bucket_arn
  storage_key_arn          = module.storage.key_arn
  repository_arns          = module.storage.repository_arns
  topics                   = var.topics
  kafka_iam                = local.msk
  kafka_cluster_arn        = one(module.kafka[*].arn)
  github_repository        = var.github_repository
  github_environment       = var.environment
  github_oidc_provider_arn = var.github_oidc_provider_arn
}

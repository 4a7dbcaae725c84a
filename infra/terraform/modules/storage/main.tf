# The lake and the models in one bucket, shared files on EFS, images in ECR; all under one key.

module "key" {
  source = "../key"

  name        = "${var.name}-storage"
  description = "Lake, models, shared files and images of ${var.name}"
}

module "bucket" {
  source = "../bucket"

  name                   = var.bucket_name
  key_arn                = module.key.arn
  keep_old_versions_days = var.keep_old_versions_days
  force_destroy          = var.disposable
  tiered_prefixes        = { "lake/" = 30 }
}

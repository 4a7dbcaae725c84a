# The bucket of the states, once per account. Its own state stays in a local file: it is two resources that are never
# changed and can be imported again.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.66"
    }
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]
}

module "key" {
  source = "../modules/key"

  name        = "fraud-terraform-state"
  description = "Terraform states of the fraud detection system"
}

module "bucket" {
  source = "../modules/bucket"

  name                   = "fraud-terraform-state-${var.account_id}"
  key_arn                = module.key.arn
  keep_old_versions_days = 90
}

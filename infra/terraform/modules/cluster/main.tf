# The control plane: private nodes, an API endpoint for given addresses only, access by entries, secrets encrypted.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account     = data.aws_caller_identity.current.account_id
  partition   = data.aws_partition.current.partition
  region      = data.aws_region.current.region
  aws_policy  = "arn:${local.partition}:iam::aws:policy"
  eks_policy  = "arn:${local.partition}:eks::aws:cluster-access-policy"
  cluster_arn = "arn:${local.partition}:eks:${local.region}:${local.account}:cluster/${var.name}"
}

module "key" {
  source = "../key"

  name          = "${var.name}-cluster"
  description   = "Kubernetes secrets and control plane logs of ${var.name}"
  encrypts_logs = true
}

resource "aws_cloudwatch_log_group" "control_plane" {
  #checkov:skip=CKV_AWS_338:Retention is a variable: production keeps a year, a development cluster need not.
  name              = "/aws/eks/${var.name}/cluster" # EKS writes to this name; made here so that it is encrypted and ends
  retention_in_days = var.log_retention_days
  kms_key_id        = module.key.arn
}

resource "aws_iam_role" "control_plane" {
  name = "${var.name}-control-plane"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "eks.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "control_plane" {
  role       = aws_iam_role.control_plane.name
  policy_arn = "${local.aws_policy}/AmazonEKSClusterPolicy"
}

resource "aws_eks_cluster" "this" {
  #checkov:skip=CKV_AWS_38:The public endpoint is open to api_allowed_cidrs only, whose validation refuses anything wider than a /16.
  #checkov:skip=CKV_AWS_39:The public endpoint exists only while api_allowed_cidrs names someone; with an empty list the API is private.
  #checkov:skip=CKV_AWS_339:The version is a variable, and the check's list of supported versions ages with the checker.
  name                          = var.name
  version                       = var.kubernetes_version
  role_arn                      = aws_iam_role.control_plane.arn
  enabled_cluster_log_types     = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
  bootstrap_self_managed_addons = false # all add-ons are in addons.tf
  deletion_protection           = var.deletion_protection

  vpc_config {
    subnet_ids              = var.subnet_ids
    endpoint_private_access = true
    endpoint_public_access  = length(var.api_allowed_cidrs) > 0
    public_access_cidrs     = length(var.api_allowed_cidrs) > 0 ? var.api_allowed_cidrs : null
  }

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = false # administrators are named, never implied
  }

  encryption_config {
    resources = ["secrets"]

    provider {
      key_arn = module.key.arn
    }
  }

  upgrade_policy {
    support_type = "STANDARD" # upgraded at the end of standard support rather than billed six times as much
  }

  depends_on = [
    aws_cloudwatch_log_group.control_plane,
    aws_iam_role_policy_attachment.control_plane,
  ]
}

# The role of the delivery workflow. It may push images and deploy into one namespace, and nothing else: it cannot
# read the lake, change infrastructure or assume another role.

data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  github        = var.github_repository != null
  github_issuer = "token.actions.githubusercontent.com"

  deploy_statements = [
    {
      Sid      = "LogInToEcr"
      Effect   = "Allow"
      Action   = "ecr:GetAuthorizationToken" # knows no resource
      Resource = "*"
    },
    {
      Sid    = "PushImages"
      Effect = "Allow"
      Action = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:CompleteLayerUpload",
        "ecr:DescribeImages",
        "ecr:DescribeImageScanFindings",
        "ecr:GetDownloadUrlForLayer",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
      ]
      Resource = var.repository_arns
    },
    {
      Sid      = "FindTheCluster"
      Effect   = "Allow"
      Action   = "eks:DescribeCluster"
      Resource = var.cluster_arn
    },
  ]
}

resource "aws_iam_openid_connect_provider" "github" {
  count = local.github && var.github_oidc_provider_arn == null ? 1 : 0

  url            = "https://${local.github_issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "deploy" {
  count = local.github ? 1 : 0

  name                 = "${var.name}-deploy"
  description          = "Pushes images and deploys, for ${var.github_repository}"
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OneEnvironmentOfOneRepository"
      Effect    = "Allow"
      Principal = { Federated = var.github_oidc_provider_arn != null ? var.github_oidc_provider_arn : aws_iam_openid_connect_provider.github[0].arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      # The environment's own rules in GitHub (reviewers, branches) decide who gets this far.
      Condition = {
        StringEquals = {
          "${local.github_issuer}:aud" = "sts.amazonaws.com"
          "${local.github_issuer}:sub" = "repo:${var.github_repository}:environment:${var.github_environment}"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "deploy" {
  count = local.github ? 1 : 0

  name = "push-and-deploy"
  role = aws_iam_role.deploy[0].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.deploy_statements
  })
}

resource "aws_eks_access_entry" "deploy" {
  count = local.github ? 1 : 0

  cluster_name      = var.cluster_name
  principal_arn     = aws_iam_role.deploy[0].arn
  kubernetes_groups = [var.deployers_group]
}

# Administrator of the namespace, since the chart brings Roles for the worker; of nothing outside it.
resource "aws_eks_access_policy_association" "deploy" {
  count = local.github ? 1 : 0

  cluster_name  = var.cluster_name
  principal_arn = aws_eks_access_entry.deploy[0].principal_arn
  policy_arn    = "arn:${local.partition}:eks::aws:cluster-access-policy/AmazonEKSAdminPolicy"

  access_scope {
    type       = "namespace"
    namespaces = [var.namespace]
  }
}

# EKS add-ons. Those that need AWS have a role for their service account, so that the nodes' role needs nothing for them.

locals {
  addons_before_nodes = {
    "eks-pod-identity-agent" = null
    "kube-proxy"             = null
    "vpc-cni"                = { enableNetworkPolicy = "true" } # without it NetworkPolicies are accepted and ignored
  }
  addons_after_nodes = {
    "coredns"            = null
    "metrics-server"     = null
    "aws-ebs-csi-driver" = null
    "aws-efs-csi-driver" = null
  }
  addon_identities = {
    "vpc-cni" = {
      service_account = "aws-node"
      policy_arn      = "${local.aws_policy}/AmazonEKS_CNI_Policy"
    }
    "aws-ebs-csi-driver" = {
      service_account = "ebs-csi-controller-sa"
      policy_arn      = "${local.aws_policy}/service-role/AmazonEBSCSIDriverPolicy"
    }
    "aws-efs-csi-driver" = {
      service_account = "efs-csi-controller-sa"
      policy_arn      = "${local.aws_policy}/service-role/AmazonEFSCSIDriverPolicy"
    }
  }
}

module "addon_role" {
  source   = "../pod-role"
  for_each = local.addon_identities

  name                = "${var.name}-${each.key}"
  description         = "EKS add-on ${each.key}"
  cluster_name        = var.name
  namespace           = "kube-system"
  service_account     = each.value.service_account
  managed_policy_arns = [each.value.policy_arn]
  associate           = false
}

resource "aws_eks_addon" "before_nodes" {
  for_each = local.addons_before_nodes

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = lookup(var.addon_versions, each.key, null)
  configuration_values        = each.value == null ? null : jsonencode(each.value)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  dynamic "pod_identity_association" {
    for_each = [for addon, identity in local.addon_identities : identity if addon == each.key]

    content {
      service_account = pod_identity_association.value.service_account
      role_arn        = module.addon_role[each.key].arn
    }
  }
}

resource "aws_eks_addon" "after_nodes" {
  for_each = local.addons_after_nodes

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = lookup(var.addon_versions, each.key, null)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  dynamic "pod_identity_association" {
    for_each = [for addon, identity in local.addon_identities : identity if addon == each.key]

    content {
      service_account = pod_identity_association.value.service_account
      role_arn        = module.addon_role[each.key].arn
    }
  }

  depends_on = [aws_eks_node_group.system]
}

# Access to the Kubernetes API.

resource "aws_eks_access_entry" "administrator" {
  for_each = toset(var.administrator_arns)

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.key
}

resource "aws_eks_access_policy_association" "administrator" {
  for_each = aws_eks_access_entry.administrator

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value.principal_arn
  policy_arn    = "${local.eks_policy}/AmazonEKSClusterAdminPolicy"

  access_scope {
    type = "cluster"
  }
}

resource "aws_eks_access_entry" "viewer" {
  for_each = toset(var.viewer_arns)

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.key
}

resource "aws_eks_access_policy_association" "viewer" {
  for_each = aws_eks_access_entry.viewer

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value.principal_arn
  policy_arn    = "${local.eks_policy}/AmazonEKSViewPolicy"

  access_scope {
    type       = "namespace"
    namespaces = [var.namespace]
  }
}

# The private endpoint serves the nodes; clients from a VPN or from a runner in the network are allowed here.
resource "aws_vpc_security_group_ingress_rule" "api" {
  for_each = toset(var.api_private_cidrs)

  security_group_id = local.node_security_group_id
  description       = "Kubernetes API from ${each.key}"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

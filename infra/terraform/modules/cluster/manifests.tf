# What the cluster needs before the chart can be installed, as Kubernetes objects to `kubectl apply`. They are templates
# and not resources: a provider that connects to a cluster of the same run makes first plans and destroys fail.

locals {
  manifest_values = {
    name              = var.name
    namespace         = var.namespace
    deployers_group   = local.deployers_group
    instance_profile  = aws_iam_instance_profile.karpenter.name
    node_image        = "al2023@${var.node_image_release == null ? "latest" : "v${split("-", var.node_image_release)[1]}"}"
    node_disk_gib     = var.node_disk_gib
    security_group_id = local.node_security_group_id
    subnet_ids        = var.subnet_ids
    flows_cpu_limit   = var.flows_cpu_limit
    serving_cpu_limit = var.serving_cpu_limit
    file_system_id    = var.file_system_id
  }

  deployers_group        = "fraud:deployers"
  node_security_group_id = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id

  # Values of Karpenter's own chart.
  karpenter_values = {
    settings = {
      clusterName       = var.name
      interruptionQueue = aws_sqs_queue.interruptions.name
    }
    serviceAccount = { name = "karpenter" }
    nodeSelector   = { "fraud.workload" = "system" }
  }
}

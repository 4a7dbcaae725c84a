output "name" {
  description = "Name of the cluster."
  value       = aws_eks_cluster.this.name
}

output "arn" {
  description = "ARN of the cluster."
  value       = aws_eks_cluster.this.arn
}

output "endpoint" {
  description = "Address of the Kubernetes API."
  value       = aws_eks_cluster.this.endpoint
}

output "node_security_group_id" {
  description = "Security group of every node."
  value       = local.node_security_group_id
}

output "deployers_group" {
  description = "Kubernetes group that may manage the chart's custom kinds."
  value       = local.deployers_group
}

output "manifests" {
  description = "Namespace, storage classes and node pools, to `kubectl apply`."
  value = join("---\n", [
    for template in ["namespace", "storage", "karpenter"] :
    templatefile("${path.module}/manifests/${template}.yaml.tftpl", local.manifest_values)
  ])
}

output "karpenter_values" {
  description = "Values of Karpenter's chart, as YAML."
  value       = yamlencode(local.karpenter_values)
}

output "load_balancer_values" {
  description = "Values of the AWS Load Balancer Controller's chart, as YAML."
  value       = yamlencode(local.load_balancer_values)
}

output "load_balancer_statements" {
  description = "What the AWS Load Balancer Controller may do, as applied."
  value       = module.load_balancer_role.statements
}

output "karpenter_statements" {
  description = "What Karpenter may do, as applied."
  value       = module.karpenter_role.statements
}

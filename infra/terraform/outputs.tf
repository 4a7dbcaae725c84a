output "region" {
  description = "The AWS region."
  value       = var.region
}

output "cluster_name" {
  description = "Name of the cluster, for `aws eks update-kubeconfig`."
  value       = module.cluster.name
}

output "cluster_manifests" {
  description = "Namespace, storage classes and node pools: `terraform output -raw cluster_manifests | kubectl apply -f -`."
  value       = module.cluster.manifests
}

output "karpenter_values" {
  description = "Values of Karpenter's own chart."
  value       = module.cluster.karpenter_values
}

output "load_balancer_values" {
  description = "Values of the AWS Load Balancer Controller's own chart."
  value       = module.cluster.load_balancer_values
}

output "repository_urls" {
  description = "Image => where to push it."
  value       = module.storage.repository_urls
}

output "deploy_role_arn" {
  description = "The role of the delivery workflow; null without a repository."
  value       = module.identity.deploy_role_arn
}

output "nat_addresses" {
  description = "The addresses from which the cluster reaches the internet, for allow lists elsewhere."
  value       = module.network.nat_addresses
}

output "database" {
  description = "Where the database is and what its secrets are called; null without one."
  value = var.database == null ? null : {
    address              = module.database[0].address
    port                 = module.database[0].port
    administrator_secret = module.database[0].administrator_secret_arn
    application_secrets  = module.database[0].application_secrets
  }
}

output "helm_values" {
  description = "What the chart must know of this environment: `terraform output -raw helm_values > ../../k8s/environments/NAME.yaml`."
  value       = yamlencode(local.helm_values)
}

output "arn" {
  description = "ARN of the cluster."
  value       = aws_msk_serverless_cluster.this.arn
}

output "bootstrap_servers" {
  description = "Addresses for clients that sign in with IAM."
  value       = aws_msk_serverless_cluster.this.bootstrap_brokers_sasl_iam
}

output "role_arns" {
  description = "Workload => ARN of its role."
  value       = { for workload, pod in module.pod : workload => pod.arn }
}

output "statements" {
  description = "Workload => the statements of its policy, as applied."
  value       = { for workload, pod in module.pod : workload => pod.statements }
}

output "trust" {
  description = "Workload => who may have its role."
  value       = { for workload, pod in module.pod : workload => pod.trust }
}

output "service_accounts" {
  description = "Workload => its service account, where the chart lets it be chosen."
  value       = { for workload in keys(local.workloads) : workload => "${var.service_account_prefix}${workload}" if workload != "topics" }
}

output "deploy_role_arn" {
  description = "ARN of the delivery workflow's role; null without a repository."
  value       = one(aws_iam_role.deploy[*].arn)
}

output "deploy_statements" {
  description = "What the delivery workflow may do in AWS, as applied."
  value       = try(jsondecode(aws_iam_role_policy.deploy[0].policy).Statement, [])
}

variable "name" {
  description = "Name of the cluster and prefix of every name."
  type        = string
}

variable "namespace" {
  description = "Kubernetes namespace of the system."
  type        = string
}

variable "kubernetes_version" {
  description = "EKS version."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the nodes, one per zone."
  type        = list(string)
}

variable "api_allowed_cidrs" {
  description = "Addresses that reach the public API endpoint; empty: private only."
  type        = list(string)
}

variable "api_private_cidrs" {
  description = "Private addresses, besides the nodes, that reach the private API endpoint."
  type        = list(string)
}

variable "administrator_arns" {
  description = "IAM principals that administer the cluster."
  type        = list(string)
}

variable "viewer_arns" {
  description = "IAM principals that may look into the namespace."
  type        = list(string)
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the cluster."
  type        = bool
}

variable "log_retention_days" {
  description = "How long control plane logs are kept."
  type        = number
}

variable "node_instance_types" {
  description = "Instance types of the managed node group."
  type        = list(string)
}

variable "node_count" {
  description = "Nodes of the managed node group."
  type        = number
}

variable "node_disk_gib" {
  description = "Root volume of every node."
  type        = number
}

variable "addon_versions" {
  description = "Add-on => version; an add-on that is not named gets the default of the cluster's version."
  type        = map(string)
}

variable "node_image_release" {
  description = "Release of EKS's AMI for all nodes, such as 1.35.0-20260114; null: the newest one, at any time."
  type        = string
}

variable "flows_cpu_limit" {
  description = "Most vCPUs that Karpenter may run for flows at once."
  type        = number
}

variable "serving_cpu_limit" {
  description = "Most vCPUs that Karpenter may run for serving at once."
  type        = number
}

variable "file_system_id" {
  description = "The EFS file system behind the storage class `efs`."
  type        = string
}

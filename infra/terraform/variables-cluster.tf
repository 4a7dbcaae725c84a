variable "kubernetes_version" {
  description = "EKS version. 1.35 is the version that the chart is tested on; AWS supports it as standard until March 2027."
  type        = string
  default     = "1.35"

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "kubernetes_version must be a minor version such as 1.35."
  }
}

variable "api_allowed_cidrs" {
  description = "Addresses that reach the Kubernetes API from outside the VPC. Empty: nobody does, the endpoint is private."
  type        = list(string)

  validation {
    condition     = alltrue([for cidr in var.api_allowed_cidrs : can(cidrnetmask(cidr))])
    error_message = "api_allowed_cidrs must be IPv4 ranges such as 203.0.113.7/32."
  }

  validation {
    condition     = alltrue([for cidr in var.api_allowed_cidrs : try(tonumber(split("/", cidr)[1]) >= 16, false)])
    error_message = "api_allowed_cidrs must not be wider than a /16: name your offices and runners, not the internet."
  }
}

variable "api_private_cidrs" {
  description = "Private addresses, besides the nodes, that reach the Kubernetes API inside the network: a VPN, runners."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.api_private_cidrs : can(cidrnetmask(cidr)) && can(regex("^(10\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|100\\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\\.)", cidr)) && try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "api_private_cidrs must be private IPv4 ranges such as 10.8.0.0/24; public ones belong into api_allowed_cidrs."
  }
}

variable "administrator_arns" {
  description = "IAM roles or users that administer the cluster. The creator is not one unless named here."
  type        = list(string)

  validation {
    condition     = length(var.administrator_arns) > 0
    error_message = "administrator_arns must name at least one IAM role: without an administrator the cluster could not be used."
  }
}

variable "viewer_arns" {
  description = "IAM roles or users that may look into the namespace."
  type        = list(string)
  default     = []
}

variable "node_instance_types" {
  description = "Instance types of the managed node group."
  type        = list(string)
  default     = ["m7i-flex.large"]
}

variable "node_count" {
  description = "Nodes of the managed node group."
  type        = number
  default     = 3

  validation {
    condition     = var.node_count >= 3
    error_message = "node_count must be at least 3, one per zone: Karpenter, Prefect and MLflow run on them."
  }
}

variable "node_disk_gib" {
  description = "Root volume of every node; images with Spark are large."
  type        = number
  default     = 60
}

variable "addon_versions" {
  description = "Add-on => version, to pin; an add-on that is not named gets the default of the cluster's version."
  type        = map(string)
  default     = {}
}

variable "node_image_release" {
  description = "Release of EKS's AMI for all nodes, such as 1.35.0-20260114 (docs/aws.md says how to look it up); null, for a disposable environment only: the newest one, which replaces nodes whenever AWS publishes."
  type        = string
  default     = null

  validation {
    condition     = var.node_image_release == null ? var.disposable : can(regex("^1\\.[0-9]{2}\\.[0-9]+-[0-9]{8}$", var.node_image_release))
    error_message = "node_image_release must be a release such as 1.35.0-20260114, unless the environment is disposable: nodes change when you say so."
  }
}

variable "flows_cpu_limit" {
  description = "Most vCPUs that Karpenter may run for flows at once."
  type        = number
  default     = 64
}

variable "serving_cpu_limit" {
  description = "Most vCPUs that Karpenter may run for serving at once."
  type        = number
  default     = 32
}

# Variables of an environment. The values are in envs/.

variable "project" {
  description = "Prefix of every name."
  type        = string
  default     = "fraud"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.project))
    error_message = "project must be 2 to 16 lower-case letters, digits or hyphens, starting with a letter: names of roles and buckets are made from it."
  }
}

variable "environment" {
  description = "Name of the environment, and of the GitHub environment that deploys to it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment must be 2 to 12 lower-case letters or digits, such as dev or prod."
  }
}

variable "account_id" {
  description = "The AWS account; with credentials of any other, nothing is done."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of the AWS account, in quotes."
  }
}

variable "region" {
  description = "The AWS region."
  type        = string
}

variable "namespace" {
  description = "Kubernetes namespace of the system."
  type        = string
  default     = "fraud"
}

variable "disposable" {
  description = "Whether `terraform destroy` may delete data, images and the cluster."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "How long control plane, network and database logs are kept."
  type        = number
  default     = 365
}

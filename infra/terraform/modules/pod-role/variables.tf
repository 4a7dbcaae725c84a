variable "name" {
  description = "Name of the role."
  type        = string

  validation {
    condition     = length(var.name) <= 64
    error_message = "IAM role names have at most 64 characters: shorten the project's or the environment's name."
  }
}

variable "description" {
  description = "What the role is for."
  type        = string
}

variable "cluster_name" {
  description = "Name of the EKS cluster."
  type        = string
}

variable "namespace" {
  description = "Kubernetes namespace of the service account."
  type        = string
}

variable "service_account" {
  description = "The service account."
  type        = string
}

variable "statements" {
  description = "Statements of the role's own policy, where no managed policy is given."
  type        = any
  default     = []
}

variable "managed_policy_arns" {
  description = "AWS managed policies to attach, instead of statements."
  type        = list(string)
  default     = []
}

variable "associate" {
  description = "Whether to associate the role here; EKS add-ons make the association themselves."
  type        = bool
  default     = true
}

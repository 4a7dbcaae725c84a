variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "cluster_name" {
  description = "Name of the EKS cluster."
  type        = string
}

variable "cluster_arn" {
  description = "ARN of the EKS cluster."
  type        = string
}

variable "namespace" {
  description = "Kubernetes namespace of the system."
  type        = string
}

variable "service_account_prefix" {
  description = "What the chart puts before a workload's name to name its service account."
  type        = string
  default     = "fraud-"
}

variable "deployers_group" {
  description = "Kubernetes group that may manage the chart's custom kinds."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of the bucket of lake and models."
  type        = string
}

variable "storage_key_arn" {
  description = "ARN of the key that encrypts the bucket."
  type        = string
}

variable "repository_arns" {
  description = "ARNs of the image repositories."
  type        = list(string)
}

variable "topics" {
  description = "The names of the topics, as in the application's settings."
  type = object({
    transactions         = string
    labels               = string
    predictions          = string
    profiles             = string
    rates                = string
    policies             = string
    lists                = string
    forgotten            = string
    reviews              = string
    audit                = string
    gateway_events       = string
    webhook_dead_letters = string
    dead_letters         = string
    label_dead_letters   = string
  })
}

variable "kafka_iam" {
  description = "Whether Kafka is MSK with IAM, so that policies decide who reads and writes which topic."
  type        = bool
}

variable "kafka_cluster_arn" {
  description = "ARN of the MSK cluster; null where Kafka is not MSK."
  type        = string
}

variable "github_repository" {
  description = "The repository whose workflow deploys, owner/name; null for none."
  type        = string
}

variable "github_environment" {
  description = "The GitHub environment whose jobs may deploy."
  type        = string
}

variable "github_oidc_provider_arn" {
  description = "The account's OIDC provider for GitHub, if it has one already: an account can have only one."
  type        = string
}

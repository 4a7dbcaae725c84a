variable "images" {
  description = "Images to keep a repository for; the targets of the Dockerfile."
  type        = list(string)
  default     = ["flows", "serving", "producer"]
}

variable "keep_old_versions_days" {
  description = "How long an overwritten or deleted object can be brought back."
  type        = number
  default     = 30
}

variable "database" {
  description = "RDS Postgres for Prefect and MLflow; null: the chart's own Postgres in the cluster."
  type = object({
    engine_version = optional(string, "17")
    instance_class = optional(string, "db.t4g.medium")
    storage_gib    = optional(number, 20)
    multi_az       = optional(bool, true)
    backup_days    = optional(number, 14)
  })
  default = null
}

variable "kafka" {
  description = <<-TEXT
    Where Kafka is. kind:
    - in-cluster: the chart's own broker, for trying things out;
    - msk-serverless: made here, signed in to with IAM;
    - external: any other, Confluent Cloud for one; give its bootstrap_servers and the address ranges where they are (cidrs),
      the only ones that pods may connect to. Each workload's API key and secret go into a Kubernetes secret of its own,
      never through Terraform (docs/kubernetes.md).
  TEXT
  type = object({
    kind               = string
    bootstrap_servers  = optional(string)
    cidrs              = optional(list(string), [])
    security_protocol  = optional(string, "SASL_SSL")
    sasl_mechanism     = optional(string, "PLAIN")
    replication_factor = optional(number, 3)
  })
  default = { kind = "in-cluster" }

  validation {
    condition     = contains(["in-cluster", "msk-serverless", "external"], var.kafka.kind)
    error_message = "kafka.kind must be in-cluster, msk-serverless or external."
  }

  validation {
    condition     = (var.kafka.kind == "external") == (var.kafka.bootstrap_servers != null)
    error_message = "kafka.bootstrap_servers must be given for kind external, and only for it."
  }

  validation {
    condition     = var.kafka.kind != "external" || length(var.kafka.cidrs) > 0
    error_message = "kafka.cidrs must name the address ranges of the brokers, such as 198.51.100.0/24: pods reach no other."
  }

  validation {
    condition     = alltrue([for cidr in var.kafka.cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "kafka.cidrs must be IPv4 ranges, none wider than a /8."
  }

  validation {
    condition     = contains(["SASL_SSL", "SSL"], var.kafka.security_protocol)
    error_message = "kafka.security_protocol must be SASL_SSL or SSL: card data does not travel in the clear."
  }
}

variable "topics" {
  description = "The names of the topics, as in the application's settings."
  type = object({
    transactions         = optional(string, "transactions")
    labels               = optional(string, "fraud_labels")
    predictions          = optional(string, "fraud_predictions")
    profiles             = optional(string, "merchant_profiles")
    rates                = optional(string, "currency_rates")
    policies             = optional(string, "fraud_policies")
    lists                = optional(string, "fraud_lists")
    forgotten            = optional(string, "fraud_forgotten")
    reviews              = optional(string, "fraud_reviews")
    audit                = optional(string, "fraud_audit")
    gateway_events       = optional(string, "fraud_gateway_events")
    webhook_dead_letters = optional(string, "fraud_webhooks.dlq")
    dead_letters         = optional(string, "transactions.dlq")
    label_dead_letters   = optional(string, "fraud_labels.dlq")
  })
  default = {}
}

variable "github_repository" {
  description = "The repository whose workflow deploys here, owner/name; null: no such role."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository must be owner/name, without wildcards: anyone who matches it can deploy."
  }
}

variable "github_oidc_provider_arn" {
  description = "The account's OIDC provider for GitHub if it has one; null: made here. The second environment of an account names the first one's."
  type        = string
  default     = null
}

variable "card_keys_secret" {
  description = <<-TEXT
    The Kubernetes secret with the keys of pseudonyms of card numbers (keys: key, and previous-keys while one is replaced), which
    never goes through Terraform. Empty: card numbers can be refused and masked only.
  TEXT
  type        = string
  default     = ""
}

variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "cidr" {
  description = "Address range of the VPC, a /16: pods take their addresses from it too."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && endswith(var.cidr, "/16")
    error_message = "cidr must be a /16 such as 10.40.0.0/16: the subnets are cut from it."
  }
}

variable "zones" {
  description = "The availability zones, by name: a zone that AWS adds must not move the subnets."
  type        = list(string)

  validation {
    condition     = contains([2, 3, 4], length(distinct(var.zones))) && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones must be 2, 3 or 4 different zones: EKS needs two, and the subnets are cut for four at most."
  }
}

variable "nat_per_zone" {
  description = "A NAT gateway in each zone, so that a lost zone takes no other's way out with it; otherwise one for all."
  type        = bool
}

variable "interface_endpoints" {
  description = "AWS services reached by private link; each costs an hourly price per zone."
  type        = list(string)
  default     = ["ecr.api", "ecr.dkr", "sts"]
}

variable "log_retention_days" {
  description = "How long flow logs are kept."
  type        = number
}

variable "flow_log_traffic" {
  description = "Which traffic is logged: REJECT, ACCEPT or ALL."
  type        = string
  default     = "ALL"

  validation {
    condition     = contains(["REJECT", "ACCEPT", "ALL"], var.flow_log_traffic)
    error_message = "flow_log_traffic must be REJECT, ACCEPT or ALL."
  }
}

variable "logs_key_arn" {
  description = "ARN of the KMS key for log groups."
  type        = string
}

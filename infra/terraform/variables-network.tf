variable "vpc_cidr" {
  description = "Address range of the VPC, a /16."
  type        = string
  default     = "10.40.0.0/16"
}

variable "zones" {
  description = "The availability zones, three of the region's: a node of the managed group runs in each."
  type        = list(string)

  validation {
    condition     = length(distinct(var.zones)) >= 3
    error_message = "zones must name three different zones at least: Kafka, Postgres and serving keep going when one is lost."
  }

  validation {
    condition     = alltrue([for zone in var.zones : startswith(zone, var.region)])
    error_message = "zones must lie in the region, such as us-east-1a in us-east-1."
  }
}

variable "nat_per_zone" {
  description = "A NAT gateway in each zone rather than one for all."
  type        = bool
  default     = true
}

variable "interface_endpoints" {
  description = "AWS services reached by private link."
  type        = list(string)
  default     = ["ecr.api", "ecr.dkr", "sts"]
}

variable "flow_log_traffic" {
  description = "Which traffic is logged: REJECT, ACCEPT or ALL."
  type        = string
  default     = "ALL"
}

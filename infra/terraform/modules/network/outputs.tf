output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "Subnets of the nodes, in the order of the zones."
  value       = [for zone in var.zones : aws_subnet.private[zone].id]
}

output "public_subnet_ids" {
  description = "Subnets of the load balancers and NAT gateways."
  value       = [for zone in var.zones : aws_subnet.public[zone].id]
}

output "isolated_subnet_ids" {
  description = "Subnets without a way out, for databases and brokers."
  value       = [for zone in var.zones : aws_subnet.isolated[zone].id]
}

output "private_cidrs" {
  description = "Address ranges of the nodes, pods, internal load balancers and the API's private endpoint."
  value       = values(local.private_cidrs)
}

output "isolated_cidrs" {
  description = "Address ranges of databases and brokers."
  value       = values(local.isolated_cidrs)
}

output "s3_cidrs" {
  description = "Address ranges of S3 in this region, to which the gateway endpoint leads."
  value       = aws_vpc_endpoint.s3.cidr_blocks
}

output "nat_addresses" {
  description = "The addresses from which the cluster reaches the internet, for allow lists elsewhere."
  value       = [for address in aws_eip.nat : address.public_ip]
}

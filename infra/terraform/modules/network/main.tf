# A VPC over three zones: public subnets for load balancers and NAT only, private ones for nodes,
# isolated ones (no route out) for databases and brokers.

data "aws_region" "current" {}

locals {
  # Of a /16: private /19s at the start, public /24s and isolated /24s from the upper half.
  private_cidrs  = { for index, zone in var.zones : zone => cidrsubnet(var.cidr, 3, index) }
  public_cidrs   = { for index, zone in var.zones : zone => cidrsubnet(var.cidr, 8, 200 + index) }
  isolated_cidrs = { for index, zone in var.zones : zone => cidrsubnet(var.cidr, 8, 220 + index) }
  nat_zones      = var.nat_per_zone ? var.zones : slice(var.zones, 0, 1)
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # the private names of interface endpoints need it
  tags                 = { Name = var.name }
}

# The group that everything without a group gets: nothing in, nothing out.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-default-closed" }
}

resource "aws_subnet" "private" {
  for_each = local.private_cidrs

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags = {
    Name                              = "${var.name}-private-${each.key}"
    "kubernetes.io/role/internal-elb" = "1"
  }
}

resource "aws_subnet" "public" {
  for_each = local.public_cidrs

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false
  tags = {
    Name                     = "${var.name}-public-${each.key}"
    "kubernetes.io/role/elb" = "1"
  }
}

resource "aws_subnet" "isolated" {
  for_each = local.isolated_cidrs

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags              = { Name = "${var.name}-isolated-${each.key}" }
}

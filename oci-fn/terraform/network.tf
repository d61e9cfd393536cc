# A private subnet with a way out, for those who have none.
locals {
  own_network = length(var.subnet_ids) == 0
  subnet_ids  = local.own_network ? oci_core_subnet.function[*].id : var.subnet_ids
  dns_label   = substr(replace(var.prefix, "-", ""), 0, 15)
}

resource "oci_core_vcn" "pipeline" {
  count          = local.own_network ? 1 : 0
  compartment_id = var.compartment_id
  display_name   = "${var.prefix}-vcn"
  cidr_blocks    = [var.vcn_cidr]
  dns_label      = local.dns_label
  freeform_tags  = var.tags
}

resource "oci_core_nat_gateway" "pipeline" {
  count          = local.own_network ? 1 : 0
  compartment_id = var.compartment_id
  display_name   = "${var.prefix}-nat"
  vcn_id         = oci_core_vcn.pipeline[0].id
  freeform_tags  = var.tags
}

resource "oci_core_route_table" "pipeline" {
  count          = local.own_network ? 1 : 0
  compartment_id = var.compartment_id
  display_name   = "${var.prefix}-routes"
  vcn_id         = oci_core_vcn.pipeline[0].id
  freeform_tags  = var.tags

  route_rules {
    destination       = "0.0.0.0/0"
    destination_type  = "CIDR_BLOCK"
    network_entity_id = oci_core_nat_gateway.pipeline[0].id
  }
}

resource "oci_core_security_list" "pipeline" {
  count          = local.own_network ? 1 : 0
  compartment_id = var.compartment_id
  display_name   = "${var.prefix}-security"
  vcn_id         = oci_core_vcn.pipeline[0].id
  freeform_tags  = var.tags

  # Out: to the services of OCI. In: to the database, from within the network only.
  egress_security_rules {
    destination = "0.0.0.0/0"
    protocol    = "6"

    tcp_options {
      min = 443
      max = 443
    }
  }

  egress_security_rules {
    destination = var.vcn_cidr
    protocol    = "6"

    tcp_options {
      min = 1521
      max = 1522
    }
  }

  ingress_security_rules {
    source   = var.vcn_cidr
    protocol = "6"

    tcp_options {
      min = 1521
      max = 1522
    }
  }
}

resource "oci_core_subnet" "function" {
  count                      = local.own_network ? 1 : 0
  compartment_id             = var.compartment_id
  display_name               = "${var.prefix}-subnet"
  vcn_id                     = oci_core_vcn.pipeline[0].id
  cidr_block                 = var.vcn_cidr
  prohibit_public_ip_on_vnic = true
  route_table_id             = oci_core_route_table.pipeline[0].id
  security_list_ids          = [oci_core_security_list.pipeline[0].id]
  dns_label                  = local.dns_label
  freeform_tags              = var.tags
}

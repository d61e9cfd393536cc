locals {
  own_vault = var.vault_id == ""
  vault_id  = local.own_vault ? oci_kms_vault.pipeline[0].id : var.vault_id
  key_id    = local.own_vault ? oci_kms_key.pipeline[0].id : var.key_id
}

resource "oci_kms_vault" "pipeline" {
  count          = local.own_vault ? 1 : 0
  compartment_id = var.compartment_id
  display_name   = "${var.prefix}-vault"
  vault_type     = "DEFAULT"
  freeform_tags  = var.tags
}

resource "oci_kms_key" "pipeline" {
  count               = local.own_vault ? 1 : 0
  compartment_id      = var.compartment_id
  display_name        = "${var.prefix}-key"
  management_endpoint = oci_kms_vault.pipeline[0].management_endpoint
  freeform_tags       = var.tags

  key_shape {
    algorithm = "AES"
    length    = 32
  }
}

resource "oci_vault_secret" "database_password" {
  compartment_id = var.compartment_id
  vault_id       = local.vault_id
  key_id         = local.key_id
  secret_name    = "${var.prefix}-database-password"
  description    = "Password of ${var.database_user}"
  freeform_tags  = var.tags

  secret_content {
    content_type = "BASE64"
    content      = base64encode(var.database_user_password)
  }
}

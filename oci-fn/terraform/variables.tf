variable "compartment_id" {
  description = "OCID of the compartment that holds everything."
  type        = string
}

variable "tenancy_id" {
  description = "OCID of the tenancy, where dynamic groups live."
  type        = string
}

variable "region" {
  description = "Region identifier, such as eu-frankfurt-1."
  type        = string
}

variable "prefix" {
  description = "First part of the name of everything."
  type        = string
  default     = "millrace"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.prefix))
    error_message = "The prefix has 2 to 20 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "names" {
  description = "Names that differ from those of the tutorial."
  type = object({
    stream      = optional(string, "anomaly-events-stream")
    application = optional(string, "anomaly-function-app")
    function    = optional(string, "extract-features")
    topic       = optional(string, "AnomalyAlerts")
    database    = optional(string, "anomaly")
  })
  default = {}
}

variable "tags" {
  description = "Free-form tags of everything that takes them."
  type        = map(string)
  default     = {}
}

variable "subnet_ids" {
  description = "Subnets of the function. Without any, a network is made."
  type        = list(string)
  default     = []
}

variable "vcn_cidr" {
  description = "Addresses of the network that is made."
  type        = string
  default     = "10.20.0.0/24"
}

variable "partitions" {
  description = "Partitions of the stream; a series stays in one."
  type        = number
  default     = 3

  validation {
    condition     = var.partitions >= 1 && floor(var.partitions) == var.partitions
    error_message = "A stream has at least one partition."
  }
}

variable "retention_hours" {
  description = "How long the stream keeps its events."
  type        = number
  default     = 168

  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 168
    error_message = "A stream keeps its events for 24 to 168 hours."
  }
}

variable "function_image" {
  description = "Image of the function in the registry, with its tag. Without one there is no function and no connector yet: the first apply makes the repository that the image goes to."
  type        = string
  default     = ""
}

variable "function_memory_mb" {
  description = "Memory of the function."
  type        = number
  default     = 512

  validation {
    condition     = contains([128, 256, 512, 1024, 2048, 3072], var.function_memory_mb)
    error_message = "Functions have 128, 256, 512, 1024, 2048 or 3072 MB."
  }
}

variable "function_timeout_s" {
  description = "Time that one batch may take."
  type        = number
  default     = 60

  validation {
    condition     = var.function_timeout_s >= 5 && var.function_timeout_s <= 300
    error_message = "A function has 5 to 300 seconds."
  }
}

variable "batch" {
  description = "When the connector hands over a batch: after so many KB, or after so many messages where they are given (it takes one of the two), and after so many seconds at the latest."
  type = object({
    kb       = optional(number, 2048)
    messages = optional(number)
    seconds  = optional(number, 60)
  })
  default = {}

  validation {
    condition     = var.batch.kb >= 1 && var.batch.kb <= 5120 && coalesce(var.batch.messages, 1) >= 1 && var.batch.seconds >= 60
    error_message = "A batch has one message or more and 1 to 5120 KB (the function takes 6 MB, its values in base64), and waits at least 60 seconds."
  }
}

variable "subscriptions" {
  description = "Who gets the alerts: a protocol (EMAIL, CUSTOM_HTTPS, SLACK, PAGERDUTY, SMS, ORACLE_FUNCTIONS) and an endpoint each."
  type = list(object({
    protocol = string
    endpoint = string
  }))
  default = []

  validation {
    condition     = alltrue([for one in var.subscriptions : contains(["EMAIL", "CUSTOM_HTTPS", "SLACK", "PAGERDUTY", "SMS", "ORACLE_FUNCTIONS"], one.protocol)])
    error_message = "A protocol is EMAIL, CUSTOM_HTTPS, SLACK, PAGERDUTY, SMS or ORACLE_FUNCTIONS."
  }
}

variable "gateway" {
  description = "An API gateway for producers that send events by HTTP: its subnet, and who issues their tokens. Without it there is none."
  type = object({
    subnet_id     = string
    endpoint_type = optional(string, "PRIVATE")
    issuers       = list(string)
    audiences     = list(string)
    jwks_uri      = string
  })
  default = null

  validation {
    condition     = var.gateway == null || try(length(var.gateway.issuers) > 0 && startswith(var.gateway.jwks_uri, "https://"), false)
    error_message = "A gateway needs an issuer of tokens, and its keys by https: nobody sends events without a token."
  }
}

variable "database_user" {
  description = "Schema of the pipeline in the database."
  type        = string
  default     = "MILLRACE"
}

variable "database_admin_password" {
  description = "Password of ADMIN."
  type        = string
  sensitive   = true
}

variable "database_user_password" {
  description = "Password of the pipeline's user; it goes to the Vault."
  type        = string
  sensitive   = true
}

variable "database_version" {
  description = "Version of the Autonomous Database."
  type        = string
  default     = "26ai"
}

variable "database_ecpus" {
  description = "ECPUs of the Autonomous Database."
  type        = number
  default     = 2
}

variable "database_storage_gb" {
  description = "Storage of the Autonomous Database."
  type        = number
  default     = 20
}

variable "vault_id" {
  description = "OCID of a Vault. Without one, a Vault is made."
  type        = string
  default     = ""
}

variable "key_id" {
  description = "OCID of a key in that Vault."
  type        = string
  default     = ""

  validation {
    condition     = (var.key_id == "") == (var.vault_id == "")
    error_message = "Give both vault_id and key_id, or neither."
  }
}

// Package firmwareprofiles embeds one TOML file a product. hw/profile reads
// them; blueprint.toml.example is the file to copy for a new product.
package firmwareprofiles

import "embed"

// Files holds *.toml of this folder.
//
//go:embed *.toml
var Files embed.FS

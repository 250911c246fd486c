// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import "encoding/binary"

// Capabilities are those that the kernel gives to a program that it starts from
// a file: one bit each, numbered as in capabilities(7).
type Capabilities uint64

// NetBindService lets a program that is not root listen on a port below 1024.
const NetBindService Capabilities = 1 << 10

// Of linux/capability.h.
const (
	vfsCapRevision2      = 0x02000000
	vfsCapFlagsEffective = 0x000001
)

// xattr is the value of the attribute security.capability, a struct
// vfs_cap_data of revision 2: five little-endian words.
//
//	0  revision in the highest byte, flags below: effective
//	4  permitted, bits 0 to 31
//	8  inheritable, bits 0 to 31
//	12 permitted, bits 32 to 63
//	16 inheritable, bits 32 to 63
//
// This is what setcap writes for "+ep". Revision 3 adds the user ID of a
// namespace, which an image cannot know.
func (c Capabilities) xattr() string {
	var b []byte
	b = binary.LittleEndian.AppendUint32(b, vfsCapRevision2|vfsCapFlagsEffective)
	b = binary.LittleEndian.AppendUint32(b, uint32(c))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(c>>32))
	b = binary.LittleEndian.AppendUint32(b, 0)
	return string(b)
}

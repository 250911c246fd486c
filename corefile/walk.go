// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import "slices"

// Walk visits n and what is in it, in the order of the text. It does not enter
// a node for which visit returns false.
func Walk(n Node, visit func(Node) bool) {
	if !visit(n) {
		return
	}
	switch n := n.(type) {
	case *File:
		for _, inner := range n.Nodes {
			Walk(inner, visit)
		}
	case *ServerBlock:
		n.Block.walk(visit)
	case *Directive:
		if n.Block != nil {
			n.Block.walk(visit)
		}
	}
}

func (b *Block) walk(visit func(Node) bool) {
	for _, d := range b.Directives {
		Walk(d, visit)
	}
	if b.Rest != nil {
		Walk(b.Rest, visit)
	}
}

// Equal reports whether a and b say the same: comments, space, line ends, and
// whether a word is in quotes do not count, and neither do the commas between
// zones and the braces that may be missing.
func Equal(a, b *File) bool { return slices.EqualFunc(a.Nodes, b.Nodes, equalNodes) }

func equalNodes(a, b Node) bool {
	switch a := a.(type) {
	case *ServerBlock:
		b, ok := b.(*ServerBlock)
		return ok && slices.Equal(a.Zones(), b.Zones()) && equalBlocks(&a.Block, &b.Block)
	case *Directive:
		b, ok := b.(*Directive)
		return ok && equalDirectives(a, b)
	}
	return false
}

func equalDirectives(a, b *Directive) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Name.value == b.Name.value && slices.Equal(a.Values(), b.Values()) && equalBlocks(a.Block, b.Block)
}

func equalBlocks(a, b *Block) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.EqualFunc(a.Directives, b.Directives, equalDirectives) && equalDirectives(a.Rest, b.Rest)
}

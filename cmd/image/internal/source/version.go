// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
)

// Version returns what the operator calls itself: operator.Version.
func (t Tree) Version() (string, error) {
	file := t.Path("operator", "operator.go")
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return "", fmt.Errorf("looking for the version: %w", err)
	}
	for _, decl := range parsed.Decls {
		if version, ok := versionOf(decl); ok {
			return version, nil
		}
	}
	return "", fmt.Errorf("%s has no variable Version", file)
}

func versionOf(decl ast.Decl) (string, bool) {
	vars, ok := decl.(*ast.GenDecl)
	if !ok || vars.Tok != token.VAR {
		return "", false
	}
	for _, spec := range vars.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok || v.Names[0].Name != "Version" || len(v.Values) != 1 {
			continue
		}
		if value, ok := v.Values[0].(*ast.BasicLit); ok {
			version, err := strconv.Unquote(value.Value)
			return version, err == nil
		}
	}
	return "", false
}

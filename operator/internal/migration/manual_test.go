// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestManual: docs/migration.md has every code with what it means.
func TestManual(t *testing.T) {
	manual, err := os.ReadFile("../../../docs/migration.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, c := range Codes() {
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", c.Code, c.Severity, c.Meaning)
	}
	if !strings.HasSuffix(string(manual), want.String()) {
		t.Errorf("docs/migration.md is to end with\n%s", want.String())
	}
}

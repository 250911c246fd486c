// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// stockHeading is that of the section of plugin/README.md which has the commands.
const stockHeading = "Compile it into another CoreDNS"

// stockScript returns the commands of the README, which find the sources of
// CoreDNS and of this repository in $COREDNS and $CLUSTERDNS.
func stockScript(name, readme, version string) (string, error) {
	var found []block
	for _, b := range blocks(name, readme) {
		if b.heading == stockHeading && b.language == "sh" {
			found = append(found, b)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%s has %d ```sh blocks under the heading %q, want one", name, len(found), stockHeading)
	}
	script := found[0].text
	for _, variable := range []string{"$COREDNS", "$CLUSTERDNS"} {
		if !strings.Contains(script, variable) {
			return "", fmt.Errorf("%s: the commands do not use %s", found[0].at, variable)
		}
	}
	_, section, _ := strings.Cut(readme, stockHeading)
	section, _, _ = strings.Cut(section, "\n#")
	for _, v := range regexp.MustCompile(`\bv1\.\d+\.\d+\b`).FindAllString(section, -1) {
		if v != version {
			return "", fmt.Errorf("%s: the section names CoreDNS %s, but go.mod requires %s", found[0].at, v, version)
		}
	}
	return script, nil
}

func TestStockScriptFails(t *testing.T) {
	const heading = "## " + stockHeading + "\n"
	for _, c := range []struct{ readme, want string }{
		{"# clusterdns\n```sh\n$COREDNS $CLUSTERDNS\n```\n", "has 0"},
		{heading + "```text\n$COREDNS $CLUSTERDNS\n```\n", "has 0"},
		{heading + "```sh\n$COREDNS $CLUSTERDNS\n```\n```sh\nmake\n```\n", "has 2"},
		{heading + "```sh\ncd $COREDNS\n```\n", "do not use $CLUSTERDNS"},
		{heading + "Of CoreDNS v1.14.9:\n```sh\n$COREDNS $CLUSTERDNS\n```\n", "names CoreDNS v1.14.9"},
	} {
		if script, err := stockScript("x.md", c.readme, "v1.15.0"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q gives %q, %v: want an error with %q", c.readme, script, err, c.want)
		}
	}
}

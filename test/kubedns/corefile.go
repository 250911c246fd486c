// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package kubedns

import (
	"cmp"
	"fmt"
	"strings"
)

// port is where dnsmasq asks for names of the cluster.
const port = 10053

// Ready is where CoreDNS says that it has all Services.
const Ready = "http://127.0.0.1:8082/ready"

// Corefile has CoreDNS answer as the container kubedns does, as far as it can. It
// asks the upstreams for the targets of ExternalName Services.
func Corefile(domain string, c Config) string {
	upstreams := cmp.Or(strings.Join(c.Upstreams, " "), "/etc/resolv.conf")
	return fmt.Sprintf(`.:%d {
    errors
    ready 127.0.0.1:8082
    kubernetes %s in-addr.arpa ip6.arpa {
        pods insecure
        ttl 30
        fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :10055
    forward . %s
    loadbalance
}
`, port, strings.TrimSuffix(domain, "."), upstreams)
}

// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package qname

// ParseClusterSet is [Parse] for a zone of a clusterset (KEP-1645), where the
// names of endpoints have one more label: the cluster that they are in.
func ParseClusterSet(name, zone string) Name {
	parsed := Parse(name, zone)
	switch parsed.Kind {
	case Endpoint:
		parsed.Kind, parsed.Cluster, parsed.Endpoint = Cluster, parsed.Endpoint, ""
	case Unknown: // in a zone of another sort
		return endpointOfCluster(name[:len(name)-len(zone)])
	case ZoneLabel, ZoneRule, Zonal: // which KEP-1645 does not have
		return Name{}
	}
	return parsed
}

// endpointOfCluster parses <endpoint>.<cluster>.<service>.<namespace>.svc, what
// is left of a zone.
func endpointOfCluster(below string) Name {
	var labels [maxLabels]string
	n, rest := split(below, &labels)
	if rest != "" || n != maxLabels || !EqualFold("svc", labels[0]) {
		return Name{}
	}
	cluster, endpoint := labels[3], labels[4]
	for _, label := range []string{cluster, endpoint} {
		if _, of := underscored(label); of { // a port or a protocol, but not both of them
			return Name{}
		}
	}
	return Name{Kind: Endpoint, Namespace: labels[1], Service: labels[2], Cluster: cluster, Endpoint: endpoint}
}

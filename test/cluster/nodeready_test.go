// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNodeReady(t *testing.T) {
	since := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	const fresh, stale = "2026-01-02T03:04:05Z", "2026-01-02T03:04:04Z"
	node := func(taints, status, heartbeat string) string {
		return `{"spec":{"taints":[` + taints + `]},"status":{"conditions":[
			{"type":"DiskPressure","status":"False","lastHeartbeatTime":"` + fresh + `"},
			{"type":"Ready","status":"` + status + `","message":"why","lastHeartbeatTime":"` + heartbeat + `"}]}}`
	}
	for _, tc := range []struct{ name, node, want string }{
		{"ready", node("", "True", fresh), ""},
		{"not ready", node("", "False", fresh), "it is not ready: why"},
		{"ready in an earlier run", node("", "True", stale), "its kubelet has not reported yet"},
		{"tainted", node(`{"key":"node.kubernetes.io/not-ready","effect":"NoSchedule"}`, "True", fresh), "it has the taint node.kubernetes.io/not-ready:NoSchedule"},
		{"new", `{}`, "its kubelet has not reported yet"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := nodeReady([]byte(tc.node), since)
			if (err == nil) != (tc.want == "") || err != nil && err.Error() != tc.want {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestStopOrder(t *testing.T) {
	s := state{Nodes: []nodeState{{"node1", 1}, {"edge", 2}}}
	got := strings.Join(s.stopOrder(), " ")
	want := "edge-kube-proxy edge-kubelet edge-containerd node1-kube-proxy node1-kubelet node1-containerd " +
		"kube-scheduler kube-controller-manager kube-apiserver etcd"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !slices.Equal(programNames, []string{etcd, apiServer, controllerManager, scheduler}) {
		t.Errorf("the order changed the names: %q", programNames)
	}
}

func TestFreeNumber(t *testing.T) {
	for _, tc := range []struct {
		nodes []nodeState
		want  int
	}{
		{nil, 1},
		{[]nodeState{{"node1", 1}, {"node3", 3}}, 2},
		{[]nodeState{{"node2", 1}}, 3}, // the name node2 is taken, the number 1 as well
	} {
		if got := (state{Nodes: tc.nodes}).freeNumber(); got != tc.want {
			t.Errorf("%v: got %d, want %d", tc.nodes, got, tc.want)
		}
	}
}

// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
)

// object is one of JSON, which every program here reads as YAML.
type object map[string]any

func (o object) String() string {
	text, _ := json.MarshalIndent(o, "", "  ") // strings, numbers and lists always can
	return string(text) + "\n"
}

// containerd is TOML; %q is a string of it, since paths have no odd characters.
//
// restrict_oom_score_adj is for machines that withhold CAP_SYS_RESOURCE: there
// runc cannot make a process less likely to be killed than we are, and fails.
func (n Node) containerd() string {
	return fmt.Sprintf(`version = 3
root = %q
state = %q
disabled_plugins = ['io.containerd.nri.v1.nri']

[grpc]
  address = %q

[plugins.'io.containerd.shim.v1.manager']
  socket_dir = %q

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = %q

[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = [%q]
    conf_dir = %q
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'
    runtime_path = %q
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      Root = %q
`, n.path("containerd"), n.state(), n.Socket(), n.Run+"/s", n.Pause, CNIPrograms, n.cniConfig(), n.Shim, n.Run+"/runc")
}

func (n Node) kubelet() string {
	return object{
		"apiVersion":                    "kubelet.config.k8s.io/v1beta1",
		"kind":                          "KubeletConfiguration",
		"containerRuntimeEndpoint":      "unix://" + n.Socket(),
		"podLogsDir":                    n.path("pods"),
		"clusterDNS":                    n.DNS,
		"clusterDomain":                 n.Domain,
		"resolvConf":                    n.ResolvConf(),
		"authentication":                object{"anonymous": object{"enabled": false}, "webhook": object{"enabled": false}, "x509": object{"clientCAFile": n.CAFile}},
		"authorization":                 object{"mode": "AlwaysAllow"}, // whoever has a certificate
		"tlsCertFile":                   n.CertFile(),
		"tlsPrivateKeyFile":             n.KeyFile(),
		"healthzBindAddress":            "127.0.0.1", // of the node
		"cgroupDriver":                  "cgroupfs",
		"cgroupsPerQOS":                 false,
		"enforceNodeAllocatable":        []string{},
		"failCgroupV1":                  false,
		"failSwapOn":                    false,
		"localStorageCapacityIsolation": false,
		// The disk and the memory are those of the machine: what others use of
		// it is no reason to evict a pod or to remove an image.
		"imageGCHighThresholdPercent": 100,
		"imageGCLowThresholdPercent":  99,
		"evictionHard": object{
			"imagefs.available": "0%", "imagefs.inodesFree": "0%", "memory.available": "0%",
			"nodefs.available": "0%", "nodefs.inodesFree": "0%",
		},
		// A lost node is noticed in seconds.
		"nodeStatusUpdateFrequency": "4s",
		"nodeLeaseDurationSeconds":  16,
	}.String()
}

// proxy leaves the conntrack settings alone, which belong to the machine.
func (n Node) proxy() string {
	return object{
		"apiVersion":       "kubeproxy.config.k8s.io/v1alpha1",
		"kind":             "KubeProxyConfiguration",
		"mode":             n.ProxyMode,
		"hostnameOverride": n.Name,
		"clusterCIDR":      join(n.AllPods),
		"clientConnection": object{"kubeconfig": n.Kubeconfig("kube-proxy")},
		"conntrack": object{
			"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s",
			"udpTimeout": "0s", "udpStreamTimeout": "0s",
		},
	}.String()
}

func (n Node) cni() string {
	var ranges [][]object
	var routes []object
	for _, pods := range n.Pods {
		ranges = append(ranges, []object{{"subnet": pods}})
		everywhere := netip.PrefixFrom(pods.Addr(), 0).Masked()
		routes = append(routes, object{"dst": everywhere})
	}
	main := object{
		"type": string(n.CNI),
		"ipam": object{
			"type": "host-local", "ranges": ranges, "routes": routes,
			"dataDir": n.Run + "/ipam", // a node that begins anew has no pods
		},
	}
	if n.CNI == Bridge {
		main["bridge"], main["isGateway"], main["hairpinMode"] = "cni0", true, true
	}
	return object{
		"cniVersion": "1.0.0",
		"name":       n.ID,
		"plugins":    []object{main, {"type": "portmap", "capabilities": object{"portMappings": true}}},
	}.String()
}

func join(ranges []netip.Prefix) string {
	var texts []string
	for _, r := range ranges {
		texts = append(texts, r.String())
	}
	return strings.Join(texts, ",")
}

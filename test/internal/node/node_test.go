// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clusterdns/clusterdns/test/internal/kube"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

const (
	namespace = "dns"
	image     = "example.org/coredns:1"
	shell     = "example.org/shell:1"
	good      = `.:53 {
    errors
    health {
        lameduck 1s
    }
    ready
    clusterdns cluster.local in-addr.arpa ip6.arpa
    forward . /etc/resolv.conf
}
`
)

// TestNode runs a Deployment of CoreDNS as a user of a cluster would.
func TestNode(t *testing.T) {
	l := newLab(t)
	l.accounts()
	l.deploy(2, "good")
	l.waitsForConfigMap()
	l.configMap("good", good)
	l.configMap("bad", strings.Replace(good, "errors", "mistakes", 1))
	l.available(2)
	at := l.expose()
	l.answers(at)

	l.run("a Pod that is deleted is replaced", func(l *lab) {
		victim := l.pods()[0]
		l.delete(victim)
		l.eventually("the process is gone", func() bool { return gone(victim) })
		l.eventually("there is another Pod", func() bool { return !slices.ContainsFunc(l.pods(), is(victim)) })
		l.available(2)
		l.answers(at)
	})
	l.run("a process that is killed is started again", func(l *lab) {
		victim := l.pods()[0]
		l.kill(victim)
		l.eventually("it has run before", func() bool {
			c := l.container(victim)
			return c.RestartCount == 1 && c.Ready && c.LastTerminationState.Terminated.ExitCode == 137
		})
	})
	l.run("a ConfigMap that changes reaches the process", func(l *lab) {
		l.configMap("good", "# changed\n"+good)
		l.eventually("the Corefile has changed", func() bool {
			found, _ := filepath.Glob(filepath.Join(l.dir, "*", "volumes", "config", "Corefile"))
			return len(found) == 2 && !slices.ContainsFunc(found, func(name string) bool {
				text, _ := os.ReadFile(name)
				return !strings.HasPrefix(string(text), "# changed\n") || !strings.Contains(string(text), "\n.:1053 {")
			})
		})
	})
	l.run("a broken Corefile is not rolled out, and its Pod says why", func(l *lab) {
		l.deploy(2, "bad")
		l.eventually("a Pod crashes", func() bool {
			return slices.ContainsFunc(l.pods(), func(o corev1.Pod) bool {
				return len(o.Status.ContainerStatuses) > 0 && crashing(o.Status.ContainerStatuses[0], "Unknown directive 'mistakes'")
			})
		})
		l.available(2)
		l.answers(at)
		l.deploy(2, "good")
		l.eventually("the Pod is gone", func() bool { return len(l.pods()) == 2 })
		l.answers(at)
	})
	l.run("a Pod that is not restarted says how it ended", (*lab).failed)
	l.run("nothing is left", func(l *lab) {
		l.deploy(0, "good")
		l.eventually("there is no process", func() bool { return len(l.pods()) == 0 && len(l.processes()) == 0 })
		l.eventually("there is no endpoint", func() bool { _, err := ask(at, "tcp"); return err != nil })
	})
	l.run("the Node stays ready", func(l *lab) {
		o, err := l.client.CoreV1().Nodes().Get(l.t.Context(), "process-1", metav1.GetOptions{})
		if err != nil || !ready(o) || len(o.Spec.Taints) > 0 {
			l.t.Errorf("node: got taints %v, conditions %v, error %v", o.Spec.Taints, o.Status.Conditions, err)
		}
		lease, err := l.client.CoordinationV1().Leases("kube-node-lease").Get(l.t.Context(), "process-1", metav1.GetOptions{})
		if err != nil || time.Since(lease.Spec.RenewTime.Time) > 3*heartbeat {
			l.t.Errorf("lease: got %v, error %v", lease.Spec, err)
		}
	})
	l.run("no process outlives the Node", func(l *lab) {
		l.deploy(1, "good")
		l.available(1)
		l.node.Close()
		if got := l.processes(); len(got) > 0 {
			l.t.Errorf("processes: got %v, want none", got)
		}
	})
	l.run("a Node that begins anew runs its Pods again", func(l *lab) {
		before := l.pods()[0]
		node, err := Start(l.t.Context(), l.node.options)
		if err != nil {
			l.t.Fatal(err)
		}
		defer node.Close()
		l.eventually("it was restarted", func() bool {
			c := l.container(before)
			return c.RestartCount == 1 && c.Ready
		})
	})
}

// failed runs a Pod that ends, with another program.
func (l *lab) failed() {
	o := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "ends"}, Spec: corev1.PodSpec{
		NodeName:      "process-1",
		RestartPolicy: corev1.RestartPolicyNever,
		Containers: []corev1.Container{{
			Name: "shell", Image: shell, Command: []string{"sh", "-c"}, Args: []string{"echo $NAME $(IP); exit 3"},
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
			Env: []corev1.EnvVar{
				{Name: "NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
				{Name: "IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}},
			},
		}},
	}}
	if _, err := l.client.CoreV1().Pods(namespace).Create(l.t.Context(), o, metav1.CreateOptions{}); err != nil {
		l.t.Fatal(err)
	}
	var got *corev1.Pod
	l.eventually("the Pod has ended", func() bool {
		var err error
		got, err = l.client.CoreV1().Pods(namespace).Get(l.t.Context(), "ends", metav1.GetOptions{})
		return err == nil && got.Status.Phase == corev1.PodFailed
	})
	end := got.Status.ContainerStatuses[0].State.Terminated
	if want := "ends " + got.Status.PodIP + "\n"; end.ExitCode != 3 || end.Reason != "Error" || end.Message != want {
		l.t.Errorf("the end: got %+v, want exit code 3 and message %q", end, want)
	}
	l.delete(*got)
}

// A lab is a cluster with a Node.
type lab struct {
	t       *testing.T
	cluster *kube.Cluster
	client  kubernetes.Interface
	node    *Node
	dir     string
}

// run runs a part of the test. If it fails, the others have no sense.
func (l *lab) run(name string, part func(*lab)) {
	l.t.Helper()
	ok := l.t.Run(name, func(t *testing.T) {
		inner := *l
		inner.t = t
		part(&inner)
	})
	if !ok {
		l.t.FailNow()
	}
}

func newLab(t *testing.T) *lab {
	t.Helper()
	cluster, err := kube.Start(kube.WithScheduler)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	config, err := clientcmd.BuildConfigFromFlags("", cluster.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	l := &lab{t: t, cluster: cluster, client: kubernetes.NewForConfigOrDie(config), dir: t.TempDir()}
	upstreams := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(upstreams, []byte("nameserver 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.node, err = Start(t.Context(), Options{
		Kubeconfig: cluster.Kubeconfig,
		Credentials: func(namespace, serviceAccount string) (string, error) {
			return cluster.Do("kubeconfig system:serviceaccount:" + namespace + ":" + serviceAccount)
		},
		Program:    filepath.Join(kube.Root(), "bin", "coredns"),
		Programs:   map[string]string{shell: "/bin/sh"},
		Dir:        l.dir,
		ResolvConf: upstreams,
		Log:        t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.node.Close)
	t.Cleanup(l.showLogs)
	return l
}

// showLogs shows what the Pods said, if the test failed.
func (l *lab) showLogs() {
	if !l.t.Failed() {
		return
	}
	logs, _ := filepath.Glob(filepath.Join(l.dir, "*", "log"))
	for _, name := range logs {
		text, _ := os.ReadFile(name)
		l.t.Logf("%s:\n%s", name, text)
	}
	for _, o := range l.pods() {
		l.t.Logf("%s: %+v", o.Name, o.Status)
	}
}

// accounts creates the namespace, and the service account with its rights.
func (l *lab) accounts() {
	l.t.Helper()
	o := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := l.client.CoreV1().Namespaces().Create(l.t.Context(), o, metav1.CreateOptions{}); err != nil {
		l.t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(kube.Root(), "manifests", "rbac", "coredns.yaml"))
	if err != nil {
		l.t.Fatal(err)
	}
	objects, err := kube.Decode(strings.ReplaceAll(string(text), "kube-system", namespace))
	if err != nil {
		l.t.Fatal(err)
	}
	client, err := kube.NewClient(l.cluster.Kubeconfig)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, o := range objects {
		if _, err := client.Apply(l.t.Context(), o); err != nil {
			l.t.Fatal(err)
		}
	}
}

// configMap creates or replaces one with a Corefile.
func (l *lab) configMap(name, corefile string) {
	l.t.Helper()
	o := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"Corefile": corefile}}
	maps := l.client.CoreV1().ConfigMaps(namespace)
	_, err := maps.Update(l.t.Context(), o, metav1.UpdateOptions{})
	if err != nil {
		_, err = maps.Create(l.t.Context(), o, metav1.CreateOptions{})
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// deploy creates or replaces the Deployment, with the Corefile of a ConfigMap.
func (l *lab) deploy(replicas int32, configMap string) {
	l.t.Helper()
	labels := map[string]string{"k8s-app": "dns"}
	o := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "coredns"}, Spec: appsv1.DeploymentSpec{
		Replicas: &replicas,
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podSpec(configMap)},
	}}
	deployments := l.client.AppsV1().Deployments(namespace)
	_, err := deployments.Update(l.t.Context(), o, metav1.UpdateOptions{})
	if err != nil {
		_, err = deployments.Create(l.t.Context(), o, metav1.CreateOptions{})
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

func podSpec(configMap string) corev1.PodSpec {
	return corev1.PodSpec{
		ServiceAccountName: "coredns",
		Containers: []corev1.Container{{
			Name: "coredns", Image: image, Args: []string{"-conf", "/etc/coredns/Corefile"},
			Ports: []corev1.ContainerPort{
				{Name: "dns", Protocol: corev1.ProtocolUDP, ContainerPort: 53},
				{Name: "dns-tcp", Protocol: corev1.ProtocolTCP, ContainerPort: 53},
			},
			LivenessProbe:            httpProbe("/health", 8080),
			ReadinessProbe:           httpProbe("/ready", 8181),
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
			VolumeMounts:             []corev1.VolumeMount{{Name: "config", MountPath: "/etc/coredns"}},
		}},
		Volumes: []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: configMap},
				Items:                []corev1.KeyToPath{{Key: "Corefile", Path: "Corefile"}},
			},
		}}},
	}
}

func httpProbe(path string, port int) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
		HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt(port)},
	}}
}

// waitsForConfigMap waits until a Pod says what it lacks.
func (l *lab) waitsForConfigMap() {
	l.t.Helper()
	l.eventually("a Pod waits for its ConfigMap", func() bool {
		return slices.ContainsFunc(l.pods(), func(o corev1.Pod) bool {
			if len(o.Status.ContainerStatuses) == 0 {
				return false
			}
			w := o.Status.ContainerStatuses[0].State.Waiting
			return o.Status.Phase == corev1.PodPending && w != nil && w.Reason == "ContainerCreating" &&
				strings.Contains(w.Message, `configmaps "good" not found`)
		})
	})
}

// available waits until the Deployment has so many Pods that are available.
func (l *lab) available(replicas int32) {
	l.t.Helper()
	l.eventually(fmt.Sprintf("%d Pods are available", replicas), func() bool {
		o, err := l.client.AppsV1().Deployments(namespace).Get(l.t.Context(), "coredns", metav1.GetOptions{})
		return err == nil && o.Status.AvailableReplicas == replicas && o.Status.ObservedGeneration == o.Generation
	})
}

// expose creates the Service and returns where it is.
func (l *lab) expose() netip.AddrPort {
	l.t.Helper()
	o := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "kube-dns"}, Spec: corev1.ServiceSpec{
		Selector: map[string]string{"k8s-app": "dns"},
		Ports: []corev1.ServicePort{
			{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP, TargetPort: intstr.FromString("dns")},
			{Name: "dns-tcp", Port: 53, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("dns-tcp")},
		},
	}}
	if _, err := l.client.CoreV1().Services(namespace).Create(l.t.Context(), o, metav1.CreateOptions{}); err != nil {
		l.t.Fatal(err)
	}
	at, err := l.node.Expose(l.t.Context(), namespace, "kube-dns", netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		l.t.Fatal(err)
	}
	return at
}

// answers waits until the Service answers for a name of the cluster.
func (l *lab) answers(at netip.AddrPort) {
	l.t.Helper()
	for _, network := range []string{"udp", "tcp"} {
		l.eventually("there is an answer over "+network, func() bool {
			m, err := ask(at, network)
			return err == nil && m.Rcode == dns.RcodeSuccess && len(m.Answer) == 1
		})
	}
}

func ask(at netip.AddrPort, network string) (*dns.Msg, error) {
	c := dns.Client{Net: network, Timeout: time.Second}
	q := new(dns.Msg)
	q.SetQuestion("kubernetes.default.svc.cluster.local.", dns.TypeA)
	m, _, err := c.Exchange(q, at.String())
	return m, err
}

// pods returns those of the Deployment, by name.
func (l *lab) pods() []corev1.Pod {
	all, err := l.client.CoreV1().Pods(namespace).List(context.Background(), metav1.ListOptions{LabelSelector: "k8s-app=dns"})
	if err != nil {
		l.t.Error(err)
		return nil
	}
	return all.Items
}

// container returns the status of the container of a Pod now.
func (l *lab) container(o corev1.Pod) corev1.ContainerStatus {
	for _, now := range l.pods() {
		if now.UID == o.UID {
			return now.Status.ContainerStatuses[0]
		}
	}
	return corev1.ContainerStatus{}
}

func (l *lab) delete(o corev1.Pod) {
	l.t.Helper()
	if err := l.client.CoreV1().Pods(namespace).Delete(l.t.Context(), o.Name, metav1.DeleteOptions{}); err != nil {
		l.t.Fatal(err)
	}
}

// processes returns those that run from the folder of the Node, by the command
// line. Where there is no /proc there are none.
func (l *lab) processes() []string {
	var all []string
	found, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range found {
		if line, err := os.ReadFile(name); err == nil && strings.Contains(string(line), l.dir) {
			all = append(all, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return all
}

func (l *lab) eventually(what string, cond func() bool) {
	l.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			l.t.Fatalf("still not so after %s: %s", patience, what)
		}
	}
}

func is(o corev1.Pod) func(corev1.Pod) bool {
	return func(other corev1.Pod) bool { return o.UID == other.UID }
}

// crashing reports whether a container waits to be started again after it said something.
func crashing(c corev1.ContainerStatus, said string) bool {
	w, end := c.State.Waiting, c.LastTerminationState.Terminated
	return w != nil && w.Reason == "CrashLoopBackOff" && c.RestartCount >= 2 &&
		end != nil && end.ExitCode == 1 && end.Reason == "Error" && strings.Contains(end.Message, said)
}

// pid returns that of the process of a Pod, or 0 if it has none.
func pid(o corev1.Pod) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(o.Status.ContainerStatuses[0].ContainerID, "process://"))
	return n
}

// kill ends the process of a Pod as a crash would.
func (l *lab) kill(o corev1.Pod) {
	l.t.Helper()
	n := pid(o)
	if n == 0 {
		l.t.Fatalf("Pod %s has no process", o.Name) // and 0 would be ours
	}
	if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
		l.t.Fatal(err)
	}
}

// gone reports whether a Pod had a process that has ended.
func gone(o corev1.Pod) bool { return pid(o) != 0 && syscall.Kill(pid(o), 0) == syscall.ESRCH }

// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clusterdns/clusterdns/operator/internal/migration"
	"github.com/clusterdns/clusterdns/operator/meter"
)

// A nodeful is a cluster whose meters are HTTP servers of this test, by the address
// of their Pod.
type nodeful struct {
	meters Meters
	sets   []appsv1.DaemonSet
	pods   []corev1.Pod
	at     map[netip.Addr]netip.AddrPort
}

func newNodeful() *nodeful {
	n := &nodeful{at: map[netip.Addr]netip.AddrPort{}}
	n.sets = []appsv1.DaemonSet{daemonSet("kube-proxy", "other"), daemonSet(migration.MeterName, "meters")}
	n.meters.Reach = func(p netip.AddrPort) netip.AddrPort {
		if p.Port() != meter.Port {
			panic(p)
		}
		return n.at[p.Addr()]
	}
	return n
}

func daemonSet(name string, uid types.UID) appsv1.DaemonSet {
	return appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: name, UID: uid}}
}

// add has a Pod on a node, which answers so.
func (n *nodeful) add(t *testing.T, node string, answer http.HandlerFunc) *corev1.Pod {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	k := len(n.pods) + 1
	p := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("%s-%d", migration.MeterName, k), UID: types.UID(fmt.Sprintf("pod-%d", k)),
			OwnerReferences: []metav1.OwnerReference{{Kind: "DaemonSet", Name: migration.MeterName, UID: "meters", Controller: new(true)}},
		},
		Spec:   corev1.PodSpec{NodeName: node},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: fmt.Sprintf("10.244.0.%d", k)},
	}
	n.at[netip.MustParseAddr(p.Status.PodIP)] = netip.MustParseAddrPort(strings.TrimPrefix(s.URL, "http://"))
	n.pods = append(n.pods, p)
	return &n.pods[k-1]
}

func (n *nodeful) want(t *testing.T, what string, want *migration.Meter) {
	t.Helper()
	if diff := cmp.Diff(want, n.meters.Read(t.Context(), n.sets, n.pods)); diff != "" {
		t.Errorf("%s: -want +got\n%s", what, diff)
	}
}

// counted is what a meter says.
func counted(since, asked, lost, wrong int) string {
	return fmt.Sprintf(`{"since":"2026-01-01T00:00:%02dZ","transports":{"udp":{"asked":%d,"lost":%d},"tcp":{"asked":%d,"wrong":%d}}}`, since, asked-1, lost, 1, wrong)
}

func says(text *string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != meter.PathCounts {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, *text)
	}
}

// TestMeters follows a migration of two nodes.
func TestMeters(t *testing.T) {
	n := newNodeful()
	n.want(t, "no Pod yet", nil)
	one, two := counted(1, 100, 1, 0), counted(2, 50, 0, 1)
	n.add(t, "a", says(&one))
	n.add(t, "b", says(&two))
	stranger := n.pods[0]
	stranger.UID, stranger.OwnerReferences = "stranger", nil
	n.pods = append(n.pods, stranger)
	n.want(t, "both count", &migration.Meter{Asked: 150, Lost: 1, Wrong: 1})
	one = counted(1, 200, 1, 0)
	n.want(t, "they go on", &migration.Meter{Asked: 250, Lost: 1, Wrong: 1})
	one = counted(7, 5, 2, 0)
	n.want(t, "one was started again", &migration.Meter{Asked: 255, Lost: 3, Wrong: 1})
	one = counted(7, 10, 2, 1)
	n.want(t, "and goes on", &migration.Meter{Asked: 260, Lost: 3, Wrong: 2})
	one = counted(7, 2, 0, 0)
	n.want(t, "it says less than before", &migration.Meter{Asked: 260, Lost: 3, Wrong: 2})
	one = "<html>"
	n.want(t, "it says something else", &migration.Meter{Asked: 260, Lost: 3, Wrong: 2, Silent: []string{"a"}})
	n.pods[0].DeletionTimestamp = &metav1.Time{}
	n.want(t, "it is to end", &migration.Meter{Asked: 260, Lost: 3, Wrong: 2})
	n.pods = n.pods[1:]
	n.want(t, "it has gone with its node", &migration.Meter{Asked: 260, Lost: 3, Wrong: 2})
	n.pods[0].Status.Phase = corev1.PodFailed
	n.want(t, "the other was evicted", &migration.Meter{Asked: 260, Lost: 3, Wrong: 2})
	n.sets = n.sets[:1]
	n.want(t, "the migration is over", nil)
	n.sets = append(n.sets, daemonSet(migration.MeterName, "meters"))
	n.pods[0].Status.Phase = corev1.PodRunning
	n.want(t, "the operator knows nothing of earlier", &migration.Meter{Asked: 50, Wrong: 1})
	n.sets[1].UID = "next"
	n.want(t, "another migration begins", nil)
}

// TestMetersSilent has meters that do anything but what they should.
func TestMetersSilent(t *testing.T) {
	huge := strings.Repeat(" ", 1<<20)
	other := counted(1, 1000, 0, 0)
	elsewhere := httptest.NewServer(says(&other))
	t.Cleanup(elsewhere.Close)
	for name, answer := range map[string]http.HandlerFunc{
		"slow": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"half": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"since":`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"lying": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, counted(1, 5, 9, 0)) },
		"huge":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, huge+counted(1, 5, 0, 0)) },
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := io.WriteString(w, huge); err != nil {
					return
				}
			}
		},
		"headers": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 64<<10))
			_, _ = io.WriteString(w, counted(1, 5, 0, 0))
		},
		"failing": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, counted(1, 5, 0, 0))
		},
		"pointing": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+meter.PathCounts, http.StatusFound)
		},
		"empty": func(http.ResponseWriter, *http.Request) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNodeful()
			good := counted(1, 100, 0, 0)
			n.add(t, "good", says(&good))
			n.add(t, name, answer)
			n.want(t, name, &migration.Meter{Asked: 100, Silent: []string{name}})
		})
	}
}

// TestMetersPending names the node of a Pod that has none yet.
func TestMetersPending(t *testing.T) {
	n := newNodeful()
	p := n.add(t, "", func(http.ResponseWriter, *http.Request) { t.Error("it is asked") })
	p.Status = corev1.PodStatus{Phase: corev1.PodPending}
	n.want(t, "no node", &migration.Meter{Silent: []string{"the node of the Pod clusterdns-meter-1"}})
	p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: "In", Values: []string{"a"}}}}},
	}}}
	n.want(t, "it is to be on a node", &migration.Meter{Silent: []string{"a"}})
}

// TestMetersMany reads more than can be asked at a time, and ends with the context.
func TestMetersMany(t *testing.T) {
	n := newNodeful()
	text := counted(1, 10, 1, 0)
	for k := range 2*parallel + 1 {
		n.add(t, fmt.Sprint(k), says(&text))
	}
	n.want(t, "all", &migration.Meter{Asked: 10 * (2*parallel + 1), Lost: 2*parallel + 1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := n.meters.Read(ctx, n.sets, n.pods); got.Asked != 10*(2*parallel+1) || len(got.Silent) != len(n.pods) {
		t.Errorf("got %+v", got)
	}
}

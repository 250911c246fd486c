// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/counter"
)

// migrationOf returns the DNSMigration, with what is found when it is not there.
func migrationOf(t *testing.T) *v1alpha1.DNSMigration {
	t.Helper()
	m := &v1alpha1.DNSMigration{}
	if err := json.Unmarshal([]byte(do(t, "", "get", "dnsmigration", "default", "-o", "json")), m); err != nil {
		t.Fatal(err)
	}
	return m
}

// phase waits for a phase, and returns the DNSMigration.
func phase(t *testing.T, want ...v1alpha1.MigrationPhase) *v1alpha1.DNSMigration {
	t.Helper()
	var m *v1alpha1.DNSMigration
	eventually(t, fmt.Sprint("phase ", want), func() bool {
		m = migrationOf(t)
		for _, w := range want {
			if m.Status.Phase == w {
				return true
			}
		}
		return false
	}, func() string { return migrationText(m) })
	return m
}

func migrationText(m *v1alpha1.DNSMigration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "phase %s from %q\n", m.Status.Phase, m.Status.From)
	for _, c := range m.Status.Conditions {
		fmt.Fprintf(&b, "%s %s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	for _, f := range m.Status.Preflight {
		fmt.Fprintf(&b, "%s %s: %s\n", f.Severity, f.Code, f.Message)
	}
	if s := m.Status.Shadow; s != nil {
		fmt.Fprintf(&b, "shadow: %d asked, %d explained, %d differ: %s\n", s.Queries, s.Explained, s.Mismatches, strings.Join(s.Samples, "; "))
	}
	return b.String()
}

// command runs bin/clusterdns, which may find something.
func command(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(bin("clusterdns"), append(args, "--kubeconfig", world.kubeconfig)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil && len(out) == 0 {
		t.Fatalf("clusterdns %v: %v\n%s", args, err, errs.String())
	}
	return string(out)
}

// begin begins a migration that knows of all warnings.
func begin(t *testing.T, soak string) {
	t.Helper()
	if err := world.installOperator(); err != nil {
		t.Fatal(err)
	}
	local := []string{"--local-image", "--coredns", bin("coredns")}
	t.Log(command(t, append([]string{"migrate", "plan"}, local...)...))
	var plan struct{ Findings []v1alpha1.PreflightFinding }
	if err := json.Unmarshal([]byte(command(t, append([]string{"migrate", "plan", "-o", "json"}, local...)...)), &plan); err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, f := range plan.Findings {
		if f.Severity == v1alpha1.SeverityError && f.Code != "NoClusterDNS" {
			t.Errorf("preflight: %s: %s", f.Code, f.Message)
		}
		codes = append(codes, string(f.Code))
	}
	t.Log(command(t, append([]string{"migrate", "start", "--soak", soak, "--acknowledge", strings.Join(codes, ",")}, local...)...))
}

// identity is what may not change of the Service.
func identity(t *testing.T) string {
	t.Helper()
	return do(t, "", "-n", "kube-system", "get", "service", "kube-dns", "-o", "jsonpath={.metadata.uid} {.spec.clusterIPs} {.metadata.labels}")
}

// lossless ends the load: over fresh ports and TCP nothing may be lost, and of the
// flow of one port what was in flight at a turn.
func (l *loading) lossless(t *testing.T) {
	t.Helper()
	sticky := map[string]int{}
	for _, x := range l.losses(t) {
		if x.transport == counter.Sticky {
			sticky[x.pod+x.step]++
			continue
		}
		t.Errorf("%s", x)
	}
	for where, n := range sticky {
		if n > 2*inFlight {
			t.Errorf("%d were lost of the flow of one port: %s", n, where)
		}
	}
}

// TestMigrate brings a cluster over, to the end.
func TestMigrate(t *testing.T) {
	eachOrigin(t, func(t *testing.T, o origin) {
		bare(t, o)
		before := identity(t)
		l := load(t, o.paces...)
		begin(t, "10s")
		for _, p := range []v1alpha1.MigrationPhase{v1alpha1.PhaseCanary, v1alpha1.PhaseOverlap, v1alpha1.PhaseSoak, v1alpha1.PhaseFinalised} {
			m := phase(t, p, v1alpha1.PhaseFinalised)
			l.mark("%s", m.Status.Phase)
			progress("%s: %s", o.name, m.Status.Phase)
		}
		m := migrationOf(t)
		t.Log(migrationText(m))
		if s := m.Status; s.MeteredQueries == nil || *s.MeteredQueries == 0 || s.LostQueries == nil {
			t.Errorf("nothing was metered: %v %v", s.MeteredQueries, s.LostQueries)
		} else {
			t.Log(command(t, "migrate", "status"))
		}
		if got := identity(t); got != before {
			t.Errorf("the Service was %s, and is %s", before, got)
		}
		if n := do(t, "", "-n", "kube-system", "get", "deployment", o.deployment, "-o", "jsonpath={.spec.replicas}"); n != "0" {
			t.Errorf("the old servers have %s replicas", n)
		}
		for name, want := range o.others {
			if got := lookUp(t, name); got != want {
				t.Errorf("%s is answered %q, want %s", name, got, want)
			}
		}
		time.Sleep(5 * time.Second)
		l.lossless(t)
	})
}

// TestMigrateBack brings a cluster over, and back, when a person asks for it.
func TestMigrateBack(t *testing.T) {
	eachOrigin(t, func(t *testing.T, o origin) {
		bare(t, o)
		before := identity(t)
		l := load(t, o.paces...)
		begin(t, "1h")
		phase(t, v1alpha1.PhaseSoak)
		l.mark("the way back")
		asked := time.Now()
		t.Log(command(t, "migrate", "rollback"))
		eventually(t, "the Service has the old servers", func() bool {
			return strings.Contains(do(t, "", "-n", "kube-system", "get", "service", "kube-dns", "-o", "jsonpath={.spec.selector}"), "k8s-app")
		}, func() string { return migrationText(migrationOf(t)) })
		t.Logf("the way back took %s", time.Since(asked).Round(100*time.Millisecond))
		eventually(t, "the slices are gone", func() bool {
			return do(t, "", "-n", "kube-system", "get", "endpointslices", "-l", "endpointslice.kubernetes.io/managed-by=clusterdns.io", "-o", "name") == ""
		}, func() string { return migrationText(migrationOf(t)) })
		if got := identity(t); got != before {
			t.Errorf("the Service was %s, and is %s", before, got)
		}
		time.Sleep(5 * time.Second)
		l.lossless(t)
	})
}

// TestMigrateCrash has all our servers end after the Service was given to them: the
// old ones serve again, first by the proxies themselves, then by the selector.
func TestMigrateCrash(t *testing.T) {
	eachOrigin(t, func(t *testing.T, o origin) {
		bare(t, o)
		begin(t, "1h")
		phase(t, v1alpha1.PhaseSoak)
		l := load(t, o.paces...)
		crashed := time.Now()
		l.mark("our servers crash")
		// The image has no such program: what runs ends, and does not come back.
		do(t, "", "-n", "kube-system", "set", "image", "deployment/clusterdns", "coredns=clusterdns.test/none:1")
		do(t, "", "-n", "kube-system", "delete", "pods", "-l", "app.kubernetes.io/name=clusterdns,app.kubernetes.io/component=server", "--grace-period=0", "--force")
		phase(t, v1alpha1.PhaseRolledBack)
		t.Logf("the way back took %s", time.Since(crashed).Round(100*time.Millisecond))
		for range 20 {
			if got := lookUp(t, "www.example.org"); got != "203.0.113.81" {
				t.Errorf("a name is answered %q", got)
			}
		}
		for _, x := range l.losses(t) {
			if x.asked.Sub(crashed) > 10*time.Second {
				t.Errorf("long after the crash: %s", x)
			}
		}
		t.Log(migrationText(migrationOf(t)))
	})
}

// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/clusterdns/clusterdns/test/cluster"
)

const (
	dirUsage = "state `folder` of the cluster"
	binUsage = "`folder` of the Kubernetes programs (default: beside this program, else where build puts them)"
)

const stopHelp = `Stops the cluster that runs in a folder, in whatever way it was started, and ends
what a crash has left of it. The folder keeps its data for the next start.`

func runStop(ctx context.Context, std stdio, args []string) error {
	set := flags(std, "stop", stopHelp)
	dir := set.String("dir", "", dirUsage)
	if err := parse(std, set, args); err != nil {
		return err
	}
	if err := required(std, set, "dir"); err != nil {
		return err
	}
	found, err := cluster.Stop(ctx, *dir, std.err)
	if err != nil {
		return err
	}
	if !found {
		fmt.Fprintf(std.out, "no cluster runs in %s\n", *dir)
		return nil
	}
	fmt.Fprintln(std.out, "stopped")
	return nil
}

const statusHelp = `Says which programs of a cluster run and whether its API server is ready. The exit
status is 0 if it is and 1 otherwise.`

func runStatus(ctx context.Context, std stdio, args []string) error {
	set := flags(std, "status", statusHelp)
	dir := set.String("dir", "", dirUsage)
	if err := parse(std, set, args); err != nil {
		return err
	}
	if err := required(std, set, "dir"); err != nil {
		return err
	}
	status, err := cluster.Inspect(ctx, *dir)
	if err != nil {
		return err
	}
	fmt.Fprint(std.out, describe(status))
	if !status.Running || status.NotReady != nil {
		return errQuiet
	}
	return nil
}

func describe(s cluster.Status) string {
	var out strings.Builder
	switch {
	case !s.Running:
		out.WriteString("no cluster runs here\n")
	case s.NotReady != nil:
		fmt.Fprintf(&out, "%s is not ready: %v\n", s.APIServer, s.NotReady)
	default:
		fmt.Fprintf(&out, "%s is ready\nkubeconfig: %s\n", s.APIServer, s.Kubeconfig)
	}
	for _, p := range s.Programs {
		condition := "runs"
		switch {
		case !p.Alive:
			condition = "is gone"
		case !s.Running:
			condition = "is left over from a run that crashed; `cluster stop` ends it"
		}
		fmt.Fprintf(&out, "%s (pid %d, log %s) %s\n", p.Name, p.PID, p.Log, condition)
	}
	return out.String()
}

const loadImageHelp = `Gives archives with images, as ` + "`docker save`, `make image`" + ` and others write
them, to the nodes of a cluster that runs. Pods name them as the archive does,
with imagePullPolicy: Never or IfNotPresent.`

func runLoadImage(ctx context.Context, std stdio, args []string) error {
	set := flags(std, "load-image", loadImageHelp)
	dir := set.String("dir", "", dirUsage)
	bin := set.String("bin", "", binUsage)
	name := set.String("node", "", "`name` of the node (default: all that run)")
	if err := parseFlags(std, set, args); err != nil {
		return err
	}
	if err := required(std, set, "dir"); err != nil {
		return err
	}
	if set.NArg() == 0 {
		fmt.Fprintln(std.err, "cluster load-image: which file? See --help")
		return errUsage
	}
	if *bin == "" {
		*bin = defaultBin()
	}
	for _, archive := range set.Args() {
		if err := cluster.LoadImage(ctx, *dir, *bin, *name, archive); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "loaded %s\n", archive)
	}
	return nil
}

const kubeconfigHelp = `Prints the path of a kubeconfig. Without --user it is that of the administrator.
With it, one is made for that user, who has no rights but those that RBAC gives:
with a client certificate, or, for system:serviceaccount:NAMESPACE:NAME, with a
token of that service account (the cluster has to run then).`

func runKubeconfig(ctx context.Context, std stdio, args []string) error {
	set := flags(std, "kubeconfig", kubeconfigHelp)
	dir := set.String("dir", "", dirUsage)
	user := set.String("user", "", "`name` of the user")
	var groups []string
	set.Func("group", "`name` of a group that the user is in; may be repeated", func(name string) error {
		groups = append(groups, name)
		return nil
	})
	if err := parse(std, set, args); err != nil {
		return err
	}
	if err := required(std, set, "dir"); err != nil {
		return err
	}
	if *user == "" && groups != nil {
		fmt.Fprintln(std.err, "cluster kubeconfig: --group needs --user")
		return errUsage
	}
	path, err := kubeconfigPath(ctx, *dir, *user, groups)
	if err != nil {
		return err
	}
	fmt.Fprintln(std.out, path)
	return nil
}

func kubeconfigPath(ctx context.Context, dir, user string, groups []string) (string, error) {
	if user == "" {
		return cluster.Kubeconfig(dir)
	}
	return cluster.KubeconfigFor(ctx, dir, user, groups...)
}

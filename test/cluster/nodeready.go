// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// awaitHealthy returns once a program of a node says that it works: the kubelet
// has reached containerd, kube-proxy has made its rules.
func (c *Cluster) awaitHealthy(ctx context.Context, n nodeState, program string) error {
	address := c.state.Network.Addresses(n.Number)[0].String()
	url := "https://" + net.JoinHostPort(address, "10250") + "/healthz"
	if program == kubeProxy {
		url = "http://" + net.JoinHostPort(address, "10256") + "/healthz"
	}
	err := c.poll(ctx, nodeProgram(n.Name, program), func() error { return get(ctx, c.client, url) })
	if err != nil {
		return fmt.Errorf("starting %s of %s: %w", program, n.Name, err)
	}
	return nil
}

// createNode makes the object before the kubelet does, which cannot say which
// ranges its pods have.
func (c *Cluster) createNode(ctx context.Context, n nodeState) error {
	pods := c.state.Network.Pods(n.Number)
	body, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{"name": n.Name},
		"spec":     map[string]any{"podCIDR": pods[0], "podCIDRs": pods},
	})
	if err != nil {
		return err
	}
	status, _, err := c.request(ctx, http.MethodPost, "/api/v1/nodes", body)
	if status == http.StatusConflict { // from an earlier run
		return nil
	}
	return err
}

func (c *Cluster) deleteNode(ctx context.Context, name string) error {
	status, _, err := c.request(ctx, http.MethodDelete, "/api/v1/nodes/"+name, nil)
	if status == http.StatusNotFound {
		return nil
	}
	return err
}

// awaitNode returns once a node was ready since its kubelet started, and
// services can be reached from it.
func (c *Cluster) awaitNode(ctx context.Context, n nodeState, since time.Time) error {
	if err := c.awaitHealthy(ctx, n, kubelet); err != nil {
		return err
	}
	err := c.poll(ctx, nodeProgram(n.Name, kubelet), func() error {
		_, text, err := c.request(ctx, http.MethodGet, "/api/v1/nodes/"+n.Name, nil)
		if err != nil {
			return err
		}
		return nodeReady(text, since)
	})
	if err != nil {
		return fmt.Errorf("starting %s: %w", n.Name, err)
	}
	return c.awaitHealthy(ctx, n, kubeProxy)
}

// nodeReady says why pods cannot run on a node yet. What its kubelet said before
// a time does not count.
func nodeReady(text []byte, since time.Time) error {
	var object struct {
		Spec struct {
			Taints []struct{ Key, Effect string }
		}
		Status struct {
			Conditions []struct {
				Type, Status, Message string
				LastHeartbeatTime     time.Time // in seconds
			}
		}
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return err
	}
	for _, condition := range object.Status.Conditions {
		switch {
		case condition.Type != "Ready" || condition.LastHeartbeatTime.Before(since.Truncate(time.Second)):
		case condition.Status != "True":
			return fmt.Errorf("it is not ready: %s", condition.Message)
		case len(object.Spec.Taints) > 0: // a controller removes it in a moment
			return fmt.Errorf("it has the taint %s:%s", object.Spec.Taints[0].Key, object.Spec.Taints[0].Effect)
		default:
			return nil
		}
	}
	return errors.New("its kubelet has not reported yet")
}

// request is one to the API server. An answer other than a success is an error.
func (c *Cluster) request(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.state.APIServer()+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("the API server says %s: %.300s", response.Status, text)
	}
	return response.StatusCode, text, err
}

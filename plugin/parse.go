// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/fall"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
)

const (
	defaultTTL     = 5 // seconds
	defaultTimeout = 5 * time.Second
)

// A stanza is what the Corefile says, before it is a handler.
type stanza struct {
	*ClusterDNS
	api    api
	at     map[string]string // where each option stands, as file:line
	option string            // that is being parsed
}

// errf is an error of an option, for when the parser is past it.
func (s *stanza) errf(option, format string, args ...any) error {
	return fmt.Errorf("%s - Error during parsing: %s: %w", s.at[option], option, fmt.Errorf(format, args...))
}

// directives are the options of the block: how each is parsed.
var directives map[string]func(s *stanza, c *caddy.Controller, args []string) error

func init() { // refers to itself in an error
	directives = map[string]func(s *stanza, c *caddy.Controller, args []string) error{
		"apiserver_burst":        parseBurst,
		"apiserver_max_inflight": parseMaxInflight,
		"apiserver_qps":          parseQPS,
		"audit":                  parseAudit,
		"endpoint":               parseEndpoint,
		"endpoint_pod_names":     parseEndpointPodNames,
		"explain":                parseExplain,
		"fallthrough":            parseFallthrough,
		"ignore":                 parseIgnore,
		"kubeconfig":             parseKubeconfig,
		"labels":                 parseLabels,
		"max_answers":            parseMaxAnswers,
		"multicluster":           parseMulticluster,
		"namespace_labels":       parseNamespaceLabels,
		"namespaces":             parseNamespaces,
		"negative_ttl":           parseNegativeTTL,
		"noendpoints":            parseNoEndpoints,
		"pod_names":              parsePodNames,
		"pods":                   parsePods,
		"stale_after":            parseStaleAfter,
		"stale_ttl":              parseStaleTTL,
		"ptr":                    parsePTR,
		"startup_timeout":        parseStartupTimeout,
		"strict_compat":          parseStrictCompat,
		"tls":                    parseTLS,
		"topology":               parseTopology,
		"ttl":                    parseTTL,
		"zonal":                  parseZonal,
	}
}

// parse parses the directive and its block.
func parse(c *caddy.Controller) (*ClusterDNS, error) {
	s := &stanza{at: make(map[string]string), ClusterDNS: &ClusterDNS{
		opts:     answer.Options{TTL: defaultTTL, Kinds: object.Set(object.Namespaces, object.Services, object.EndpointSlices)},
		cfg:      watch.Config{Hooks: hooks, StaleAfter: defaultStaleAfter, Audit: defaultAudit},
		staleTTL: asEver,
		timeout:  defaultTimeout,
		upstream: upstream.New(),
	}}
	c.Next()
	s.at[Name] = fmt.Sprintf("%s:%d", c.File(), c.Line())
	if err := s.parseZones(c); err != nil {
		return nil, err
	}
	for c.NextBlock() {
		word := c.Val()
		directive, ok := directives[word]
		if !ok {
			return nil, c.Errf("unknown property '%s': valid ones are %s", word, strings.Join(valid(), ", "))
		}
		s.option = word
		s.at[word] = fmt.Sprintf("%s:%d", c.File(), c.Line())
		if err := directive(s, c, c.RemainingArgs()); err != nil {
			return nil, err
		}
	}
	if c.Next() {
		return nil, c.Errf("%s is in this server block already: %v", Name, plugin.ErrOnce)
	}
	return s.finish()
}

// valid returns the names of the options.
func valid() []string {
	return slices.Sorted(maps.Keys(directives))
}

// parseZones takes the zones from the directive, else from the server block.
func (s *stanza) parseZones(c *caddy.Controller) error {
	for _, arg := range c.RemainingArgs() {
		origins := plugin.Host(arg).NormalizeExact()
		if len(origins) == 0 || strings.Contains(arg, "/") && !qname.IsReverse(origins[0]) {
			return c.Errf("'%s' is not a zone: write a domain name or a network in CIDR form", arg)
		}
		s.addZones(origins)
	}
	if len(s.zones) == 0 {
		s.addZones(plugin.OriginsFromArgsOrServerBlock(nil, c.ServerBlockKeys))
	}
	if s.opts.PrimaryZone == "" {
		return c.Errf("%v", errNoForwardZone)
	}
	return nil
}

func (s *stanza) addZones(origins []string) {
	for _, origin := range origins {
		mname, rname := answer.SOANames(origin)
		s.zones = append(s.zones, zone{origin: origin, mname: mname, rname: rname, reverse: qname.IsReverse(origin)})
		if s.opts.PrimaryZone == "" && !qname.IsReverse(origin) {
			s.opts.PrimaryZone = origin
		}
	}
}

// finish sets what depends on several options, and prepares the connection.
func (s *stanza) finish() (*ClusterDNS, error) {
	if s.opts.Pods == answer.PodsVerified {
		s.opts.Kinds |= object.Set(object.Pods)
	}
	if err := s.finishPodNames(); err != nil {
		return nil, err
	}
	s.cfg.Keep.PodNames = s.opts.EndpointPodNames
	s.cfg.Keep.Zones = s.opts.Zonal
	s.opts.HiddenPTR = s.opts.StrictCompat && s.cfg.NamespaceLabels != "" // its defect B5
	if s.at["negative_ttl"] == "" {
		s.opts.NegativeTTL = s.opts.TTL
	}
	if s.opts.Zonal && !s.opts.Kinds.Has(object.Set(object.EndpointSlices)) {
		return nil, s.errf("zonal", "there are no endpoints with noendpoints: remove one of them")
	}
	if err := s.checkStale(); err != nil {
		return nil, err
	}
	if err := s.finishTopology(); err != nil {
		return nil, err
	}
	s.finishMulticluster()
	rest, err := s.api.rest()
	if err != nil {
		return nil, s.errf(s.apiOption(), "connecting to the Kubernetes API: %w", err)
	}
	s.cfg.REST = rest
	return s.ClusterDNS, nil
}

// apiOption returns the option that says where the API server is.
func (s *stanza) apiOption() string {
	switch {
	case s.api.kubeconfig != "":
		return "kubeconfig"
	case s.api.cert != "" && s.api.endpoint != "":
		return "tls"
	case s.api.endpoint != "":
		return "endpoint"
	}
	return Name
}

func parsePods(s *stanza, c *caddy.Controller, args []string) error {
	modes := map[string]answer.PodMode{"disabled": answer.PodsDisabled, "insecure": answer.PodsInsecure, "verified": answer.PodsVerified}
	if len(args) != 1 {
		return c.ArgErr()
	}
	mode, ok := modes[args[0]]
	if !ok {
		return c.Errf("pods '%s': must be one of disabled, insecure, verified", args[0])
	}
	s.opts.Pods = mode
	return nil
}

func parseNamespaces(s *stanza, c *caddy.Controller, args []string) error {
	if len(args) == 0 {
		return c.ArgErr()
	}
	if s.opts.Namespaces == nil {
		s.opts.Namespaces = make(map[string]struct{})
	}
	for _, name := range args {
		s.opts.Namespaces[strings.ToLower(name)] = struct{}{}
	}
	return s.oneOf(c)
}

func parseLabels(s *stanza, c *caddy.Controller, args []string) (err error) {
	s.cfg.Labels, err = selector(c, "labels", args)
	return err
}

func parseNamespaceLabels(s *stanza, c *caddy.Controller, args []string) (err error) {
	if s.cfg.NamespaceLabels, err = selector(c, "namespace_labels", args); err != nil {
		return err
	}
	return s.oneOf(c)
}

// oneOf refuses two ways to choose namespaces.
func (s *stanza) oneOf(c *caddy.Controller) error {
	if s.opts.Namespaces != nil && s.cfg.NamespaceLabels != "" {
		return c.Err("namespaces and namespace_labels cannot both be set: remove one of them")
	}
	return nil
}

// selector returns the label selector that args are, in canonical form.
func selector(c *caddy.Controller, option string, args []string) (string, error) {
	if len(args) == 0 {
		return "", c.ArgErr()
	}
	expr := strings.Join(args, " ")
	ls, err := metav1.ParseToLabelSelector(expr)
	if err != nil {
		return "", c.Errf("%s '%s' is not a label selector: %v", option, expr, err)
	}
	sel, err := metav1.LabelSelectorAsSelector(ls)
	if err != nil {
		return "", c.Errf("%s '%s' is not a label selector: %v", option, expr, err)
	}
	return sel.String(), nil
}

func parseEndpointPodNames(s *stanza, c *caddy.Controller, args []string) error {
	s.opts.EndpointPodNames = true
	return noArgs(c, args)
}

func parseNoEndpoints(s *stanza, c *caddy.Controller, args []string) error {
	s.opts.Kinds &^= object.Set(object.EndpointSlices)
	return noArgs(c, args)
}

func noArgs(c *caddy.Controller, args []string) error {
	if len(args) > 0 {
		return c.ArgErr()
	}
	return nil
}

func parseTTL(s *stanza, c *caddy.Controller, args []string) (err error) {
	s.opts.TTL, err = ttl(s, c, args)
	return err
}

func parseNegativeTTL(s *stanza, c *caddy.Controller, args []string) (err error) {
	s.opts.NegativeTTL, err = ttl(s, c, args)
	return err
}

// ttl returns the TTL that args are, in seconds.
func ttl(s *stanza, c *caddy.Controller, args []string) (uint32, error) {
	if len(args) == 0 {
		return 0, c.ArgErr()
	}
	ttl, err := strconv.Atoi(args[0])
	if err != nil || ttl < 0 || ttl > object.MaxTTL {
		return 0, c.Errf("%s '%s': must be a number of seconds in range [0, %d]", s.option, args[0], object.MaxTTL)
	}
	return uint32(ttl), nil
}

func parseFallthrough(s *stanza, _ *caddy.Controller, args []string) error {
	var f fall.F
	f.SetZonesFromArgs(args)
	s.fall = f.Zones
	return nil
}

func parseIgnore(s *stanza, c *caddy.Controller, args []string) error {
	if len(args) != 1 || args[0] != "empty_service" {
		return c.Errf("ignore '%s': the only thing to ignore is empty_service", strings.Join(args, " "))
	}
	s.opts.IgnoreEmptyService = true
	return nil
}

func parseStartupTimeout(s *stanza, c *caddy.Controller, args []string) error {
	if len(args) != 1 {
		return c.ArgErr()
	}
	d, err := time.ParseDuration(args[0])
	if err != nil || d < 0 {
		return c.Errf("startup_timeout '%s': must be a duration such as 5s, or 0 not to wait", args[0])
	}
	s.timeout = d
	return nil
}

func parseQPS(s *stanza, c *caddy.Controller, args []string) error {
	if len(args) != 1 {
		return c.ArgErr()
	}
	qps, err := strconv.ParseFloat(args[0], 32)
	if err != nil || !(qps >= 0) {
		return c.Errf("apiserver_qps '%s': must be a number >= 0", args[0])
	}
	s.cfg.Limits.QPS = float32(qps)
	return nil
}

func parseBurst(s *stanza, c *caddy.Controller, args []string) (err error) {
	s.cfg.Limits.Burst, err = count(c, "apiserver_burst", args)
	return err
}

func parseMaxInflight(s *stanza, c *caddy.Controller, args []string) (err error) {
	s.cfg.Limits.MaxInflight, err = count(c, "apiserver_max_inflight", args)
	return err
}

func count(c *caddy.Controller, option string, args []string) (int, error) {
	if len(args) != 1 {
		return 0, c.ArgErr()
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 0 {
		return 0, c.Errf("%s '%s': must be a whole number >= 0", option, args[0])
	}
	return n, nil
}

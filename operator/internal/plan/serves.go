// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

// Serves says how the servers are: whether all have what the spec says, and
// answer, and what is wrong with those that do not, by the name of the Pod. Who
// serves beside them does not matter.
func Serves(o Observed) (loaded bool, problems map[string]string) {
	p := newPlanner(o)
	problems = make(map[string]string)
	for _, s := range p.servers() {
		if problem := or(broken(s), p.serverProblem(s)); problem != "" {
			problems[s.Name] = problem
		}
	}
	return p.live.revision == p.target.name && p.live.settled && p.loaded(), problems
}

// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
)

var columns = []string{"phase", "round", "server", "mix", "metric", "value", "discarded", "note"}

// WriteCSV writes one row for each value.
func WriteCSV(w io.Writer, records []Record) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	for _, r := range records {
		for _, metric := range slices.Sorted(maps.Keys(r.Values)) {
			value := strconv.FormatFloat(r.Values[metric], 'g', 7, 64)
			row := []string{r.Phase, strconv.Itoa(r.Round), r.Server, r.Mix, metric, value, r.Discarded, r.Note}
			if err := out.Write(row); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// ReadCSV is the inverse of [WriteCSV].
func ReadCSV(r io.Reader) ([]Record, error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 || !slices.Equal(rows[0], columns) {
		return nil, fmt.Errorf("not a table of measurements: the columns are not %q", columns)
	}
	var records []Record
	for _, row := range rows[1:] {
		round, err := strconv.Atoi(row[1])
		if err != nil {
			return nil, err
		}
		value, err := strconv.ParseFloat(row[5], 64)
		if err != nil {
			return nil, err
		}
		cell := Cell{row[0], round, row[2], row[3]}
		last := len(records) - 1
		// A cell that was measured again begins anew with a metric it has already.
		if last < 0 || records[last].Cell != cell || has(records[last], row[4]) {
			records = append(records, Record{Cell: cell, Values: map[string]float64{}, Discarded: row[6], Note: row[7]})
			last++
		}
		records[last].Values[row[4]] = value
	}
	return records, nil
}

func has(r Record, metric string) bool {
	_, ok := r.Values[metric]
	return ok
}

// Pick returns the values of a metric that count, by round.
func Pick(records []Record, phase, server, mix, metric string) map[int]float64 {
	values := map[int]float64{}
	for _, r := range records {
		if r.Phase != phase || r.Server != server || r.Mix != mix || r.Discarded != "" {
			continue
		}
		if v, ok := r.Values[metric]; ok {
			values[r.Round] = v
		}
	}
	return values
}

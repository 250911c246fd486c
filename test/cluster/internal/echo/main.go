// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command echo is what the pods of the tests run: `echo serve` answers on port
// 8080 with the name of its host, `echo get URL` fetches such an answer, and
// `echo file PATH` says what is in a file.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	log.SetFlags(0)
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "serve":
		err = serve()
	case len(os.Args) == 3 && os.Args[1] == "get":
		err = get(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "file":
		err = file(os.Args[2])
	default:
		log.Fatal("usage: echo serve, echo get URL, or echo file PATH")
	}
	if err != nil {
		log.Fatal(err)
	}
}

func serve() error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	fmt.Println("serving as", name)
	return http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, name)
	}))
}

func get(url string) error {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}

func file(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

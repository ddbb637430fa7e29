// A relay as Go's library makes it: io.Copy each way, which splices in the kernel on Linux.
//
//	go-relay <listen> <upstream> [buffer bytes]
//
// With a buffer it copies through user memory instead, as the program that this project grew out of did with 2,048 bytes.
package main

import (
	"io"
	"log"
	"net"
	"os"
	"strconv"
)

func main() {
	listen, upstream, bufferBytes := os.Args[1], os.Args[2], 0
	if len(os.Args) > 3 {
		bufferBytes, _ = strconv.Atoi(os.Args[3])
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		log.Fatal(err)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go relay(client.(*net.TCPConn), upstream, bufferBytes)
	}
}

func relay(client *net.TCPConn, upstream string, bufferBytes int) {
	defer client.Close()
	dialed, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	server := dialed.(*net.TCPConn)
	defer server.Close()
	done := make(chan struct{})
	go func() {
		transfer(server, client, bufferBytes)
		close(done)
	}()
	transfer(client, server, bufferBytes)
	<-done
}

// transfer copies until the source's FIN, and hands that on.
func transfer(to, from *net.TCPConn, bufferBytes int) {
	if bufferBytes == 0 {
		io.Copy(to, from)
	} else {
		// Without these wrappers io.CopyBuffer would splice, and never touch the buffer.
		io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, bufferBytes))
	}
	to.CloseWrite()
}

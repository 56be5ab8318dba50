// Go's net/rpc with gob, as a server and as what puts load on it; the same loops as harness/src/blocking.rs has.
// It has no deadlines.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

type Echo struct{}

func (Echo) Echo(in []byte, out *[]byte) error {
	*out = in
	return nil
}

type load struct {
	address                                         string
	server, connections, callers, width, idle, size int
	seconds, warmUp                                 float64
}

func main() {
	var l load
	flags := flag.NewFlagSet("peer-go", flag.ExitOnError)
	flags.String("role", "echo", "")
	flags.Int("procedures", 0, "")
	flags.StringVar(&l.address, "address", "", "")
	flags.IntVar(&l.server, "server", 0, "")
	flags.IntVar(&l.connections, "connections", 1, "")
	flags.IntVar(&l.callers, "callers", 1, "")
	flags.IntVar(&l.width, "width", 1, "")
	flags.IntVar(&l.idle, "idle", 0, "")
	flags.IntVar(&l.size, "size", 64, "")
	flags.Float64Var(&l.seconds, "seconds", 1, "")
	flags.Float64Var(&l.warmUp, "warm-up", 0.2, "")
	if len(os.Args) < 2 {
		fail("serve, load or hold?")
	}
	flags.Parse(os.Args[2:])
	// Nobody outlives who started it.
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	switch os.Args[1] {
	case "serve":
		serve()
	case "load":
		tell(l.run())
	case "hold":
		tell(l.hold())
	default:
		fail("net/rpc has no " + os.Args[1])
	}
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}

func tell(sample map[string]float64) {
	line, err := json.Marshal(sample)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(line))
}

func serve() {
	rpc.Register(Echo{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	fmt.Println("LISTENING", listener.Addr())
	for {
		if connection, err := listener.Accept(); err == nil {
			go rpc.ServeConn(connection)
		}
	}
}

func (l load) open(count int) []*rpc.Client {
	clients := make([]*rpc.Client, count)
	for i := range clients {
		client, err := rpc.Dial("tcp", l.address)
		if err != nil {
			fail(err)
		}
		clients[i] = client
		l.call(client, l.payload())
	}
	return clients
}

func (l load) payload() []byte {
	payload := make([]byte, l.size)
	for i := range payload {
		payload[i] = byte(i % 251)
	}
	return payload
}

func (l load) call(client *rpc.Client, payload []byte) {
	var out []byte
	if err := client.Call("Echo.Echo", payload, &out); err != nil || len(out) != l.size {
		fail(fmt.Sprint(err, len(out)))
	}
}

func (l load) run() map[string]float64 {
	idle := l.open(l.idle)
	clients := l.open(l.connections)
	callers := len(clients) * l.callers
	times := make([][]time.Duration, callers)
	counts := make([]int, callers)
	var warm, begin, end sync.WaitGroup
	warm.Add(callers)
	begin.Add(1)
	end.Add(callers)
	for i := 0; i < callers; i++ {
		go func(i int) {
			defer end.Done()
			client := clients[i/l.callers]
			l.calls(client, l.warmUp)
			warm.Done()
			begin.Wait()
			times[i], counts[i] = l.calls(client, l.seconds)
		}(i)
	}
	warm.Wait()
	mine, theirs, begun := cpu(os.Getpid()), cpu(l.server), time.Now()
	begin.Done()
	end.Wait()
	seconds := time.Since(begun).Seconds()
	server := cpu(l.server) - theirs
	both := cpu(os.Getpid()) - mine + server
	var all []time.Duration
	total := 0.0
	for i := range times {
		all = append(all, times[i]...)
		total += float64(counts[i])
	}
	_ = len(idle)
	sort.Slice(all, func(a, b int) bool { return all[a] < all[b] })
	at := func(share float64) float64 {
		return float64(all[int(float64(len(all)-1)*share+0.5)]) / 1000
	}
	return map[string]float64{
		"rate": total / seconds, "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": at(1),
		"tail": at(0.99) / at(0.5), "cpu": both / total * 1e5, "server_cpu": server / total * 1e5,
		"rss": status(l.server, "VmRSS"), "threads": status(l.server, "Threads"),
	}
}

// How long calls took, of many in flight one in 16, and how many there were.
func (l load) calls(client *rpc.Client, seconds float64) ([]time.Duration, int) {
	payload := l.payload()
	var times []time.Duration
	begun := time.Now()
	until := begun.Add(time.Duration(seconds * 1e9))
	if l.width == 1 {
		for begun.Before(until) {
			l.call(client, payload)
			now := time.Now()
			times = append(times, now.Sub(begun))
			begun = now
		}
		return times, len(times)
	}
	type started struct {
		call *rpc.Call
		at   time.Time
	}
	var flight []started
	start := func(number int) {
		begun := started{}
		if number%16 == 0 {
			begun.at = time.Now()
		}
		begun.call = client.Go("Echo.Echo", payload, new([]byte), make(chan *rpc.Call, 1))
		flight = append(flight, begun)
	}
	count := 0
	for ; count < l.width; count++ {
		start(count)
	}
	for done := 0; len(flight) > 0; done++ {
		first := flight[0]
		flight = flight[1:]
		call := <-first.call.Done
		if call.Error != nil || len(*call.Reply.(*[]byte)) != l.size {
			fail(call.Error)
		}
		now := time.Now()
		if !first.at.IsZero() {
			times = append(times, now.Sub(first.at))
		}
		if now.Before(until) {
			start(count)
			count++
		}
	}
	return times, count
}

func (l load) hold() map[string]float64 {
	l.size = 64
	first := l.open(1)
	settle := func() (float64, float64) {
		time.Sleep(500 * time.Millisecond)
		return status(l.server, "VmRSS"), status(l.server, "Threads")
	}
	rss, threads := settle()
	others := l.open(l.connections)
	rssAfter, threadsAfter := settle()
	_, _ = len(first), len(others)
	each := float64(l.connections)
	return map[string]float64{
		"rss": rssAfter, "threads": threadsAfter,
		"rss_per_connection": (rssAfter - rss) / each, "threads_per_connection": (threadsAfter - threads) / each,
	}
}

// Processor time of a process so far, in seconds, by the clock that the kernel keeps for it.
func cpu(process int) float64 {
	clock := int32((^process)<<3 | 2)
	var spent syscall.Timespec
	_, _, failed := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&spent)), 0)
	if failed != 0 {
		fail(failed)
	}
	return float64(spent.Sec) + float64(spent.Nsec)/1e9
}

func status(process int, name string) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process))
	if err != nil {
		fail(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, name+":") {
			number, _ := strconv.ParseFloat(strings.Fields(line)[1], 64)
			return number
		}
	}
	return 0
}

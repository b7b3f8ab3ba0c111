// Confluent's Parallel Consumer, in order by partition or by key: each record is parsed, spins, or waits for an answer of an HTTP server.
// Arguments: bootstrap server, topic, group, batch size, order (PARTITION or KEY), threads, records in all, then the kind of work and its options as in
// support/kinds.ts. Tells as support/telling.ts does.
import com.fasterxml.jackson.databind.ObjectMapper;
import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.KafkaConsumer;

class ParallelLoop {
  static final AtomicLong done = new AtomicLong();
  static final AtomicLong sum = new AtomicLong();

  static int spin(int seed, int rounds) {
    int hash = seed;
    for (int n = 0; n < rounds; n++) hash = (hash ^ n) * 16777619;
    return hash & 1;
  }

  public static void main(String[] args) throws Exception {
    int batch = Integer.parseInt(args[3]);
    long total = Long.parseLong(args[6]);
    String kind = args[7];
    int rounds = Integer.parseInt(args[8]);
    var mapper = new ObjectMapper();
    var http = HttpClient.newHttpClient();
    Properties properties = new Properties();
    properties.put("bootstrap.servers", args[0]);
    properties.put("group.id", args[2]);
    properties.put("enable.auto.commit", "false");
    properties.put("auto.offset.reset", "earliest");
    properties.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    properties.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    var options = ParallelConsumerOptions.<String, String>builder()
        .ordering(ParallelConsumerOptions.ProcessingOrder.valueOf(args[4]))
        .maxConcurrency(Integer.parseInt(args[5]))
        .batchSize(batch)
        .consumer(new KafkaConsumer<String, String>(properties))
        .build();
    var processor = ParallelStreamProcessor.createEosStreamProcessor(options);
    processor.subscribe(List.of(args[1]));
    processor.poll(context -> {
      try {
        int count = 0;
        for (var record : context.getConsumerRecordsFlattened()) {
          int id = mapper.readTree(record.value()).get("id").asInt();
          sum.addAndGet(kind.equals("cpu") ? spin(id, rounds) : id);
          count++;
        }
        if (kind.equals("http")) http.send(HttpRequest.newBuilder(URI.create(args[9])).build(), HttpResponse.BodyHandlers.discarding());
        done.addAndGet(count);
      } catch (Exception error) {
        throw new RuntimeException(error);
      }
    });
    for (;;) {
      Thread.sleep(50);
      System.out.println((done.get() >= total ? "end " : "at ") + done.get());
    }
  }
}

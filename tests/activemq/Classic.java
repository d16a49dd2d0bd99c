import java.io.File;
import java.util.List;
import org.apache.activemq.broker.BrokerPlugin;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.broker.region.policy.PolicyEntry;
import org.apache.activemq.broker.region.policy.PolicyMap;
import org.apache.activemq.broker.region.policy.VMPendingQueueMessageStoragePolicy;
import org.apache.activemq.security.AuthenticationUser;
import org.apache.activemq.security.SimpleAuthenticationPlugin;
import org.apache.activemq.store.kahadb.KahaDBPersistenceAdapter;

/**
 * ActiveMQ Classic that speaks AMQP 1.0, with the user that the tests have. Every message is synced. A queue
 * whose name begins with "full." is full after some messages, and then holds its senders up.
 *
 * <p>Arguments: the folder of its data, the ports of 127.0.0.1 without and with TLS, the user, the password.
 */
public final class Classic {
  public static void main(String[] arguments) throws Exception {
    KahaDBPersistenceAdapter store = new KahaDBPersistenceAdapter();
    store.setDirectory(new File(arguments[0], "kahadb"));
    store.setJournalDiskSyncStrategy("always");

    PolicyEntry full = new PolicyEntry();
    full.setQueue("full.>");
    full.setMemoryLimit(16 << 10);
    full.setProducerFlowControl(true);
    full.setPendingQueuePolicy(new VMPendingQueueMessageStoragePolicy());
    PolicyMap policies = new PolicyMap();
    policies.setPolicyEntries(List.of(full));

    BrokerService broker = new BrokerService();
    broker.setBrokerName("classic");
    broker.setDataDirectory(arguments[0]);
    broker.setUseJmx(false);
    broker.setAdvisorySupport(false);
    broker.setPersistenceAdapter(store);
    broker.setDestinationPolicy(policies);
    AuthenticationUser user = new AuthenticationUser(arguments[3], arguments[4], "all");
    broker.setPlugins(new BrokerPlugin[] {new SimpleAuthenticationPlugin(List.of(user))});
    broker.addConnector("amqp://127.0.0.1:" + arguments[1]);
    broker.addConnector("amqp+ssl://127.0.0.1:" + arguments[2]);
    broker.start();
    broker.waitUntilStarted();
    System.out.println("started");
    broker.waitUntilStopped();
  }
}
